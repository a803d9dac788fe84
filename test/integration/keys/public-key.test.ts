import { randomBytes } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { beforeAll, describe, expect, it } from 'vitest';
import { readKeyText, type KeyText } from '../../../src/keys/public-key.js';
import { exec, mustExec } from '../../helpers/exec.js';
import { blobOf, fidoLine } from '../../helpers/key-blob.js';
import { createTemporaryFolder } from '../../helpers/tmp.js';

let folder = '';

beforeAll(() => {
  folder = createTemporaryFolder().path;
});

/** Makes a key pair and answers the path of its private half. */
async function makeKey(name: string, ...args: readonly string[]): Promise<string> {
  const path = join(folder, name);
  await mustExec(['ssh-keygen', '-q', '-N', '', '-C', name, '-f', path, ...args]);
  return path;
}

async function publicHalf(name: string, ...args: readonly string[]): Promise<string> {
  return readFileSync(`${await makeKey(name, ...args)}.pub`, 'utf8');
}

function read(text: string | Uint8Array): Promise<KeyText> {
  return readKeyText(Buffer.from(text), { origin: "'bob.pub'" });
}

describe('a public key that OpenSSH accepts', () => {
  it.each([
    ['ed25519', ['-t', 'ed25519'], 'ssh-ed25519', 256],
    ['rsa2048', ['-t', 'rsa', '-b', '2048'], 'ssh-rsa', 2048],
    ['rsa3072', ['-t', 'rsa', '-b', '3072'], 'ssh-rsa', 3072],
    ['p256', ['-t', 'ecdsa', '-b', '256'], 'ecdsa-sha2-nistp256', 256],
    ['p384', ['-t', 'ecdsa', '-b', '384'], 'ecdsa-sha2-nistp384', 384],
    ['p521', ['-t', 'ecdsa', '-b', '521'], 'ecdsa-sha2-nistp521', 521],
  ])('is taken as ssh-keygen reads it: %s', async (name, args, type, bits) => {
    const text = await publicHalf(name, ...args);
    const { stdout } = await mustExec(['ssh-keygen', '-l', '-f', join(folder, `${name}.pub`)]);
    const { found, rejected } = await read(text);
    expect(rejected).toEqual([]);
    expect(found).toHaveLength(1);
    const { key } = found[0]!;
    expect(`${key.type} ${key.blob} ${key.comment}\n`).toBe(text);
    expect(key).toMatchObject({ type, bits, comment: name });
    expect(stdout).toContain(`${bits} ${key.fingerprint} ${name} `);
  });

  it('may live in a FIDO token', async () => {
    const point = (await publicHalf('point', '-t', 'ecdsa')).split(' ')[1] ?? '';
    const type = 'sk-ecdsa-sha2-nistp256@openssh.com';
    const blob = blobOf(type, 'nistp256', Buffer.from(point, 'base64').subarray(-65), 'ssh:');
    const { found } = await read(`${fidoLine('bob@token')}\n${type} ${blob} carol\n`);
    expect(found.map(({ key }) => [key.type, key.comment])).toEqual([
      ['sk-ssh-ed25519@openssh.com', 'bob@token'],
      [type, 'carol'],
    ]);
  });

  it('is the same key in SSH2 format', async () => {
    const text = await publicHalf('ssh2', '-t', 'ed25519');
    const block = await mustExec(['ssh-keygen', '-e', '-f', join(folder, 'ssh2.pub')]);
    const [line, converted] = [await read(text), await read(block.stdout + block.stdout)];
    expect(converted.found.map(({ key }) => key.fingerprint)).toEqual(
      [line, line].map(({ found }) => found[0]?.key.fingerprint),
    );
  });

  it('keeps its place and its comment among a hundred others, good and bad', async () => {
    const good = (await publicHalf('many', '-t', 'ed25519')).trim().split(' ');
    const lines = Array.from({ length: 100 }, (_, i) =>
      i % 3 === 0 ? 'nonsense' : `${good[0] ?? ''} ${good[1] ?? ''} key ${i}`,
    );
    const { found, rejected } = await read(lines.join('\n'));
    expect(rejected.map(({ line }) => line)).toEqual(
      lines.flatMap((line, i) => (line === 'nonsense' ? [i + 1] : [])),
    );
    for (const { key, line } of found) expect(key.comment).toBe(`key ${line - 1}`);
    expect(found).toHaveLength(66);
  });

  it('loses the options in front of it', async () => {
    const text = await publicHalf('options', '-t', 'ed25519');
    const { found } = await read(`command="rm -rf /",environment="A=B" ${text}${text}`);
    expect(found.map(({ optionsDropped }) => optionsDropped)).toEqual([true, false]);
    expect(JSON.stringify(found)).not.toContain('rm -rf');
  });
});

describe('a public key that is refused', () => {
  async function reasons(text: string): Promise<string[]> {
    const { found, rejected } = await read(text);
    expect(found).toEqual([]);
    return rejected.map(({ line, reason }) => `${line}: ${reason}`);
  }

  it('is RSA with too few bits, even where ssh-keygen cannot read it', async () => {
    const weak = await publicHalf('rsa1024', '-t', 'rsa', '-b', '1024');
    const modulus = Buffer.concat([Buffer.from([0, 0x80]), randomBytes(63)]);
    const tiny = `ssh-rsa ${blobOf('ssh-rsa', Buffer.from([1, 0, 1]), modulus)} tiny`;
    expect(await reasons(`${weak}${tiny}\n`)).toEqual([
      '1: this RSA key has 1024 bits, and 2048 is the least that is safe',
      '2: this RSA key has 512 bits, and 2048 is the least that is safe',
    ]);
  });

  it('is a certificate', async () => {
    const authority = await makeKey('ca', '-t', 'ed25519');
    const user = await makeKey('user', '-t', 'ed25519');
    await mustExec(['ssh-keygen', '-q', '-s', authority, '-I', 'id', '-n', 'me', `${user}.pub`]);
    expect(await reasons(readFileSync(`${user}-cert.pub`, 'utf8'))).toEqual([
      '1: this is a certificate, not a plain key',
    ]);
  });

  it('is one whose bytes are not such a key', async () => {
    const text = [
      `ssh-ed25519 ${blobOf('ssh-ed25519', randomBytes(31))} short`,
      `ssh-ed25519 ${blobOf('ssh-ed25519', randomBytes(32), 'more')} trailing`,
      `ssh-unheard-of ${blobOf('ssh-unheard-of', randomBytes(32))} unknown`,
      `ecdsa-sha2-nistp256 ${blobOf('ecdsa-sha2-nistp256', 'nistp256', randomBytes(65))} no point`,
    ].join('\n');
    expect(await reasons(text)).toEqual([
      '1: OpenSSH does not accept this ssh-ed25519 key as it is',
      '2: OpenSSH does not accept this ssh-ed25519 key as it is',
      '3: OpenSSH does not accept this ssh-unheard-of key as it is',
      '4: OpenSSH does not accept this ecdsa-sha2-nistp256 key as it is',
    ]);
  });

  it('is one written in a second way, which would pass for another key than it is', async () => {
    const text = await publicHalf('twice', '-t', 'rsa', '-b', '2048');
    const modulus = Buffer.from(text.split(' ')[1] ?? '', 'base64').subarray(-257);
    const exponent = Buffer.from([0, 0, 1, 0, 1]);
    const again = `ssh-rsa ${blobOf('ssh-rsa', exponent, modulus)} twice`;
    const canonical = await exec(['ssh-keygen', '-l', '-f', '-'], { input: text });
    const padded = await exec(['ssh-keygen', '-l', '-f', '-'], { input: again });
    // The control: OpenSSH does take both spellings, and for the same key.
    expect(padded.stdout).toBe(canonical.stdout);
    expect(await reasons(again)).toEqual(['1: OpenSSH does not accept this ssh-rsa key as it is']);
  });
});

describe('a text without a usable key', () => {
  it('that is a private key is named as one, with the public key beside it', async () => {
    const path = await makeKey('own', '-t', 'ed25519');
    const content = readFileSync(path);
    const options = { origin: "'own'", publicKeyBeside: "bob's own.pub" };
    await expect(readKeyText(content, options)).rejects.toMatchObject({
      code: 'KEY_IS_PRIVATE',
      message: "'own' is a private key",
      hints: [`import the public key beside it: pysync -i 'bob'\\''s own.pub'`],
    });
    await expect(read(content)).rejects.toMatchObject({
      hints: ['ask for the public key, the file whose name ends in .pub'],
    });
  });

  it.each(['PEM', 'PKCS8', 'RFC4716'])('that is a private key in %s is too', async (format) => {
    const path = await makeKey(`own-${format}`, '-t', 'rsa', '-b', '2048', '-m', format);
    await expect(read(readFileSync(path))).rejects.toMatchObject({ code: 'KEY_IS_PRIVATE' });
  });

  it('that is a locked private key is too', async () => {
    const path = await makeKey('locked', '-t', 'ed25519');
    await mustExec(['ssh-keygen', '-q', '-p', '-P', '', '-N', 'a secret', '-f', path]);
    await expect(read(readFileSync(path))).rejects.toMatchObject({ code: 'KEY_IS_PRIVATE' });
  });

  it('is one bad block where good keys are beside the private one', async () => {
    const path = await makeKey('both', '-t', 'ed25519');
    const text = readFileSync(path, 'utf8') + readFileSync(`${path}.pub`, 'utf8');
    const { found, rejected } = await read(text);
    expect(found).toHaveLength(1);
    expect(rejected).toMatchObject([
      { line: 1, reason: 'this is a private key, which must stay with its owner' },
    ]);
  });

  it('is called empty, or without a key', async () => {
    await expect(read('')).rejects.toMatchObject({ message: "'bob.pub' is empty" });
    await expect(read('# nobody\n\n')).rejects.toMatchObject({
      message: "'bob.pub' holds no key",
    });
  });
});
