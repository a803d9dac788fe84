import { mkdirSync, symlinkSync, writeFileSync } from 'node:fs';
import { createServer, type Server } from 'node:https';
import type { RequestListener } from 'node:http';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { readSource } from '../../../src/keys/sources/index.js';
import { mustExec } from '../../helpers/exec.js';
import { selfSigned } from '../../helpers/certificate.js';
import { ed25519Line } from '../../helpers/key-blob.js';
import { createTemporaryFolder } from '../../helpers/tmp.js';

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

  it('tells of the public key beside it', async () => {
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
      hints: ['give the key file that lies in it', 'for the GitHub user of that name: gh:bob'],
    });
  });

  it('is refused where it is a fifo or a device, without waiting for it', async () => {
    await mustExec(['mkfifo', join(folder, 'fifo')]);
    for (const path of ['fifo', '/dev/zero', '/dev/null']) {
      await expect(readSource(path)).rejects.toMatchObject({
        message: `'${path}' is no ordinary file`,
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

describe('a list of keys at an https address', () => {
  let server: Server | undefined;

  /** Serves with a certificate of its own making, which these tests alone trust. */
  async function serve(listener: RequestListener): Promise<string> {
    server = createServer(selfSigned(), listener);
    await new Promise<void>((resolve) => server?.listen(0, '127.0.0.1', resolve));
    return `https://127.0.0.1:${(server.address() as AddressInfo).port}`;
  }

  const trustEverybody = (isOn: boolean): void => {
    if (isOn) process.env['NODE_TLS_REJECT_UNAUTHORIZED'] = '0';
    else delete process.env['NODE_TLS_REJECT_UNAUTHORIZED'];
  };

  afterEach(() => {
    trustEverybody(false);
    server?.closeAllConnections();
    server?.close();
  });

  it('is read, and suggests the name of its file', async () => {
    const base = await serve((_request, response) => response.end(key));
    trustEverybody(true);
    const result = await readSource(`${base}/~x/bob.keys?token=secret`);
    expect(Buffer.from(result.content).toString()).toBe(key);
    expect(result).toMatchObject({
      reading: 'url',
      source: `${base}/~x/bob.keys?`,
      origin: `${base}/~x/bob.keys`,
      defaultName: 'bob',
    });
    expect((await readSource(`${base}/raw/1234`)).defaultName).toBeUndefined();
  });

  it('is refused from a server that nobody vouches for', async () => {
    const base = await serve((_request, response) => response.end(key));
    await expect(readSource(`${base}/bob.keys`)).rejects.toMatchObject({
      code: 'URL_UNREACHABLE',
      message: expect.stringMatching(/DEPTH_ZERO_SELF_SIGNED_CERT/) as string,
    });
  });

  it('is followed to another https address', async () => {
    const base = await serve((request, response) => {
      if (request.url === '/bob.keys') response.end(key);
      else response.writeHead(302, { location: '/bob.keys' }).end();
    });
    trustEverybody(true);
    expect((await readSource(`${base}/old`)).content).toHaveLength(key.length);
  });

  it('is not followed to http, nor round in circles', async () => {
    let location = 'http://127.0.0.1:1/bob.keys';
    let requests = 0;
    const base = await serve((_request, response) => {
      requests += 1;
      response.writeHead(301, { location }).end();
    });
    trustEverybody(true);
    await expect(readSource(`${base}/x`)).rejects.toMatchObject({ code: 'URL_LEADS_TO_HTTP' });
    location = '/x';
    requests = 0;
    await expect(readSource(`${base}/x`)).rejects.toMatchObject({ code: 'URL_REDIRECTS' });
    expect(requests).toBe(6);
  });

  it.each([
    ['is missing', 404, '', '', 'URL_NOT_FOUND'],
    ['is forbidden', 403, 'no', 'text/plain', 'URL_REFUSED'],
    ['fails', 500, 'oh', 'text/plain', 'URL_REFUSED'],
    ['is a page', 200, '<p>hello', 'text/html; charset=utf-8', 'URL_IS_PAGE'],
    ['is a page that says it is text', 200, '\n<!DOCTYPE html><p>', 'text/plain', 'URL_IS_PAGE'],
    ['is empty', 200, '', 'text/plain', 'SOURCE_EMPTY'],
  ])('gets a sentence where it %s', async (_what, status, body, type, code) => {
    const base = await serve((_request, response) =>
      response.writeHead(status, { 'content-type': type }).end(body),
    );
    trustEverybody(true);
    await expect(readSource(`${base}/bob`)).rejects.toMatchObject({ code });
  });

  it('is cut off past 1 MiB, whatever length it says', async () => {
    const base = await serve((_request, response) => {
      const pour = (): void => {
        while (response.write(Buffer.alloc(65_536, 'x')));
      };
      response.on('drain', pour);
      pour();
    });
    trustEverybody(true);
    await expect(readSource(`${base}/bob`)).rejects.toMatchObject({ code: 'SOURCE_TOO_LARGE' });
  });

  it('is given up after a time without an answer, and in the middle of one', async () => {
    const base = await serve((request, response) => {
      if (request.url === '/half') response.write(key);
    });
    trustEverybody(true);
    for (const path of ['none', 'half']) {
      await expect(readSource(`${base}/${path}`, { timeoutMs: 200 })).rejects.toMatchObject({
        code: 'URL_TIMED_OUT',
        message: expect.stringMatching(/did not answer within 0.2 s$/) as string,
      });
    }
  });

  it('is given up when the caller aborts', async () => {
    const base = await serve(() => undefined);
    trustEverybody(true);
    const reason = new Error('interrupted');
    const reading = readSource(`${base}/x`, { signal: AbortSignal.abort(reason) });
    await expect(reading).rejects.toBe(reason);
  });
});
