import {
  chmodSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  readlinkSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import { beforeEach, describe, expect, inject, it } from 'vitest';
import { formatKeyLine, removeKeys, type KeyLine } from '../../../src/keys/authorized-keys.js';
import { editAuthorizedKeys, installKeys } from '../../../src/keys/install.js';
import { readAuthorizedKeys } from '../../../src/keys/key-files.js';
import { exec, type ExecResult } from '../../helpers/exec.js';
import { ed25519Line } from '../../helpers/key-blob.js';
import { keyLine, newKeyLine } from '../../helpers/key-lines.js';
import { createTemporaryFolder } from '../../helpers/tmp.js';

let home: string;
let ssh: string;
let file: string;

beforeEach(() => {
  home = createTemporaryFolder().path;
  ssh = join(home, '.ssh');
  file = join(ssh, 'authorized_keys');
});

function writeKeys(content: string, name = 'authorized_keys'): void {
  mkdirSync(ssh, { recursive: true, mode: 0o700 });
  writeFileSync(join(ssh, name), content, { encoding: 'latin1', mode: 0o600 });
}

const readKeys = (): string => readFileSync(file, 'latin1');

/** Installs one key in a process of its own, killed at the step `killAt`. */
function installElsewhere(line: KeyLine, killAt?: number): Promise<ExecResult> {
  const module = join(inject('program'), 'dist/keys/install.js');
  const text = `import { installKeys } from ${JSON.stringify(module)};
    const [home, line] = process.argv.slice(1);
    console.log(await installKeys(home, [JSON.parse(line)]));`;
  const preload = join(import.meta.dirname, '../../fixtures/kill-at-step.mjs');
  return exec(
    [
      inject('node'),
      ...(killAt === undefined ? [] : ['--import', preload]),
      ...['--input-type=module', '-e', text, '--', home, JSON.stringify(line)],
    ],
    { env: { KILL_AT: String(killAt) }, timeoutMs: 60_000 },
  );
}

describe('installKeys', () => {
  it('creates the directory and the file with the modes that sshd wants', async () => {
    const line = newKeyLine();
    expect(await installKeys(home, [line])).toEqual(['added']);
    expect(readKeys()).toBe(`${formatKeyLine(line)}\n`);
    expect(statSync(ssh).mode & 0o7777).toBe(0o700);
    expect(statSync(file).mode & 0o7777).toBe(0o600);
    expect(readdirSync(ssh)).toEqual(['authorized_keys']);
  });

  it('keeps foreign lines, says what became of each key, and is read by ssh-keygen', async () => {
    const [old, fresh] = [newKeyLine(), newKeyLine()];
    const before = `# mine\r\n${ed25519Line()}\n\xff\xfe\n${formatKeyLine(old)}\n\n${ed25519Line()}`;
    writeKeys(before);
    const changed = { ...old, policy: { ...old.policy, allowDelete: true } };
    expect(await installKeys(home, [old, changed, fresh])).toEqual([
      'unchanged',
      'updated',
      'added',
    ]);
    const after = before.replace(formatKeyLine(old), formatKeyLine(changed));
    // The first line ends in CRLF, so what is added does.
    expect(readKeys()).toBe(`${after}\r\n${formatKeyLine(fresh)}\r\n`);
    const listed = await exec(['ssh-keygen', '-l', '-f', file]);
    expect(listed.stdout.split('\n')).toHaveLength(4 + 1);
    expect(listed.stdout).toContain(`${fresh.policy.key} bob@laptop`);
  });

  it.each(['authorized_keys', 'authorized_keys2'])(
    'refuses all keys where %s lets one of them in without restriction',
    async (name) => {
      const line = newKeyLine();
      const content = `# a\nno-pty ${line.type} ${line.blob} me\n`;
      writeKeys(content, name);
      const refused = installKeys(home, [newKeyLine(), line]);
      await expect(refused).rejects.toMatchObject({
        code: 'KEY_UNRESTRICTED_ELSEWHERE',
        message: expect.stringMatching(new RegExp(`line 2 of .*/${name}$`)) as unknown,
        hints: expect.arrayContaining([expect.stringMatching(/remove that line/)]) as unknown,
      });
      expect(readFileSync(join(ssh, name), 'latin1')).toBe(content);
      expect(readdirSync(ssh)).toEqual([name]);
      await expect(refused).rejects.not.toThrow(line.blob);
    },
  );

  it('refuses a key that has a line of ours in the second file', async () => {
    const line = newKeyLine();
    writeKeys(`${formatKeyLine(line)}\n`, 'authorized_keys2');
    await expect(installKeys(home, [line])).rejects.toMatchObject({ code: 'KEY_IN_SECOND_FILE' });
  });

  it('replaces the target of a symbolic link, and leaves the link', async () => {
    mkdirSync(join(home, 'dots'));
    mkdirSync(ssh, { mode: 0o700 });
    writeFileSync(join(home, 'dots/keys'), '# mine\n');
    symlinkSync('../dots/keys', file);
    await installKeys(home, [newKeyLine()]);
    expect(readlinkSync(file)).toBe('../dots/keys');
    expect(readFileSync(join(home, 'dots/keys'), 'utf8')).toMatch(/^# mine\nrestrict,.*\n$/);
  });

  it('works where the directory itself is a link, and leaves its mode', async () => {
    mkdirSync(join(home, 'real'));
    chmodSync(join(home, 'real'), 0o750);
    symlinkSync('real', ssh);
    expect(await installKeys(home, [newKeyLine()])).toEqual(['added']);
    expect(statSync(join(home, 'real')).mode & 0o7777).toBe(0o750);
  });

  it('says in a sentence that .ssh is a file', async () => {
    writeFileSync(ssh, '');
    await expect(installKeys(home, [newKeyLine()])).rejects.toMatchObject({ code: 'FILE_FAILED' });
  });

  it('loses no line in 50 imports at once', async () => {
    const foreign = [`# mine\r`, ed25519Line(), '\xff\xfe', ed25519Line('last, no newline')];
    writeKeys(foreign.join('\n'));
    const lines = Array.from({ length: 50 }, (_, i) => newKeyLine({ comment: `peer ${i}` }));
    const results = await Promise.all(lines.map((line) => installElsewhere(line)));
    expect(results.filter((result) => result.stdout !== "[ 'added' ]\n")).toEqual([]);
    const after = readKeys().split(/\r?\n/);
    expect(after.slice(0, 4)).toEqual(foreign.map((line) => line.replace('\r', '')));
    expect(after.slice(4, -1).sort()).toEqual(lines.map(formatKeyLine).sort());
    expect(readdirSync(ssh)).toEqual(['authorized_keys']);
  });
});

describe('a kill at each step of a write', () => {
  const bob = formatKeyLine(keyLine());
  const start = `# mine\n${ed25519Line()}\n`;

  /** Runs the import once for each step, killed there, until a run comes to its end. */
  async function killEverywhere(prepare: () => void, old: string | undefined): Promise<number> {
    for (let step = 1; ; step += 1) {
      prepare();
      const result = await installElsewhere(keyLine(), step);
      const content = readIfMade();
      if (content !== old) expect(content).toBe(`${old ?? ''}${bob}\n`);
      // The next import finds its way past whatever the dead one left.
      const next = newKeyLine();
      expect(await installKeys(home, [next])).toEqual(['added']);
      expect(readKeys()).toBe(`${content ?? ''}${formatKeyLine(next)}\n`);
      expect(readdirSync(ssh)).toEqual(['authorized_keys']);
      expect(statSync(file).mode & 0o7777).toBe(0o600);
      if (result.exitCode === 0) return step;
      expect(result.exitCode).toBe(137);
    }
  }

  function readIfMade(): string | undefined {
    try {
      return readKeys();
    } catch {
      return undefined;
    }
  }

  it('leaves the old file or the new one, and the next import works', async () => {
    const steps = await killEverywhere(() => {
      writeKeys(start);
    }, start);
    // Lock, temporary file (open, chmod, write, sync, close), rename, sync of the directory, unlock.
    expect(steps).toBeGreaterThan(20);
  });

  it('leaves no file or the new one, where there was none', async () => {
    await killEverywhere(() => {
      home = createTemporaryFolder().path;
      ssh = join(home, '.ssh');
      file = join(ssh, 'authorized_keys');
    }, undefined);
  });

  it('leaves the old file or the new one also where each run follows a dead one', async () => {
    for (let step = 1; step <= 40; step += 1) {
      // Back to before the write, but with all that the dead runs left beside it.
      writeKeys(start);
      expect((await installElsewhere(keyLine(), step)).exitCode).toBe(137);
      expect([start, `${start}${bob}\n`]).toContain(readKeys());
    }
    writeKeys(start);
    expect(await installKeys(home, [keyLine()])).toEqual(['added']);
    expect(readKeys()).toBe(`${start}${bob}\n`);
    expect(readdirSync(ssh)).toEqual(['authorized_keys']);
  });
});

describe('editAuthorizedKeys', () => {
  it('creates nothing where there is nothing to write', async () => {
    const edit = (content: Buffer): Buffer => removeKeys(content, () => true).content;
    expect(await editAuthorizedKeys(home, edit)).toEqual({ written: false });
    expect(readdirSync(home)).toEqual([]);
  });

  it('edits the second file where that is meant', async () => {
    writeKeys('a\n', 'authorized_keys2');
    await editAuthorizedKeys(home, () => Buffer.from('b\n'), 'authorized_keys2');
    expect(readFileSync(join(ssh, 'authorized_keys2'), 'utf8')).toBe('b\n');
  });
});

describe('readAuthorizedKeys', () => {
  it('gives both files, empty where they are missing', async () => {
    const empty = Buffer.alloc(0);
    const second = `${file}2`;
    expect(await readAuthorizedKeys(home)).toEqual([
      { path: file, content: empty },
      { path: second, content: empty },
    ]);
    writeKeys('x', 'authorized_keys2');
    expect((await readAuthorizedKeys(home))[1].content.toString()).toBe('x');
  });
});
