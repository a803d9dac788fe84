import { mkdirSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { readSource } from '../../../../src/keys/sources/index.js';
import { mustExec } from '../../../helpers/exec.js';
import { ed25519Line } from '../../../helpers/key-blob.js';
import { createTemporaryFolder } from '../../../helpers/tmp.js';

const key = `${ed25519Line()}\n`;
const startedIn = process.cwd();
let folder = '';

beforeAll(() => {
  folder = createTemporaryFolder().path;
  process.chdir(folder);
});

afterAll(() => {
  process.chdir(startedIn);
});

describe('a key file', () => {
  it('is read, and suggests its name', async () => {
    writeFileSync('carol.laptop.pub', key);
    const result = await readSource('./carol.laptop.pub');
    expect(Buffer.from(result.content).toString()).toBe(key);
    expect(result).toMatchObject({
      reading: 'file',
      source: 'file:carol.laptop.pub',
      defaultName: 'carol.laptop',
      origin: "'./carol.laptop.pub'",
    });
    expect(result.note).toBeUndefined();
  });

  it('wins over a GitHub user of that name, and says so', async () => {
    writeFileSync('octocat', key);
    expect(await readSource('octocat')).toMatchObject({
      reading: 'file',
      note: 'read as a file; use gh:octocat for the GitHub user of that name',
    });
    expect((await readSource('file:octocat')).note).toBeUndefined();
  });

  it('may have a name that is also the type of a key', async () => {
    writeFileSync('ssh-rsa', key);
    expect((await readSource('ssh-rsa')).reading).toBe('file');
  });

  it('reports the public key beside it', async () => {
    writeFileSync('id_ed25519', 'x');
    writeFileSync('id_ed25519.pub', key);
    expect((await readSource('id_ed25519')).publicKeyBeside).toBe('id_ed25519.pub');
    expect((await readSource('id_ed25519.pub')).publicKeyBeside).toBeUndefined();
  });

  it('may be reached through a symbolic link, but not through one that leads nowhere', async () => {
    writeFileSync('real.pub', key);
    symlinkSync('real.pub', 'link.pub');
    symlinkSync('nothing', 'dangling');
    expect((await readSource('link.pub')).content).toHaveLength(key.length);
    await expect(readSource('dangling')).rejects.toMatchObject({ code: 'SOURCE_MISSING' });
  });

  it('may have exactly 1 MiB, and not a byte more', async () => {
    writeFileSync('full', Buffer.alloc(1 << 20, '#'));
    writeFileSync('fuller', Buffer.alloc((1 << 20) + 1, '#'));
    expect((await readSource('full')).content).toHaveLength(1 << 20);
    await expect(readSource('fuller')).rejects.toMatchObject({
      message: "'fuller' is over 1 MiB, too large for a key list",
    });
  });

  it('is refused where it is empty', async () => {
    writeFileSync('empty', '');
    await expect(readSource('empty')).rejects.toMatchObject({ message: "'empty' is empty" });
  });

  it('is refused where it is a directory, which may have been meant as a GitHub user', async () => {
    mkdirSync('bob');
    await expect(readSource('bob')).rejects.toMatchObject({
      message: "'bob' is a directory",
      hints: ['give a key file in it', 'for the GitHub user of that name: gh:bob'],
    });
  });

  it('is refused where it is a fifo or a device, without waiting for it', async () => {
    await mustExec(['mkfifo', join(folder, 'fifo')]);
    for (const path of ['fifo', '/dev/zero', '/dev/null']) {
      await expect(readSource(path)).rejects.toMatchObject({
        message: `'${path}' is not an ordinary file`,
      });
    }
  });

  it('is refused where it may not be read', async () => {
    writeFileSync('secret', key, { mode: 0 });
    const isRoot = process.geteuid?.() === 0;
    if (isRoot) process.seteuid?.(65534);
    try {
      await expect(readSource(join(folder, 'secret'))).rejects.toMatchObject({
        code: 'SOURCE_UNREADABLE',
      });
    } finally {
      if (isRoot) process.seteuid?.(0);
    }
  });
});
