import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { decodeKeyText, readText } from '../../../src/keys/key-text.js';
import { ed25519Line, fidoLine } from '../../helpers/key-blob.js';

const alice = ed25519Line('alice');
const bob = fidoLine('bob');

function keysIn(text: string): string[] {
  return readText(text).candidates.map(
    ({ key, line }) => `${line}: ${key.type} ${key.blob} ${key.comment}`,
  );
}

function faultsIn(text: string): string[] {
  return readText(text).faults.map(({ fault, line }) => `${line}: ${fault.reason}`);
}

describe('a key text', () => {
  it.each([
    ['line feeds', `# team\n\n${alice}\n${bob}\n`],
    ['CRLF', `# team\r\n\r\n${alice}\r\n${bob}\r\n`],
    ['no newline at the end', `# team\n\n${alice}\n${bob}`],
  ])('with %s gives its keys with their line numbers', (_what, text) => {
    expect(keysIn(text)).toEqual([`3: ${alice}`, `4: ${bob}`]);
    expect(faultsIn(text)).toEqual([]);
  });

  it('gives the good lines and names the bad ones', () => {
    const text = `${alice}\nnonsense\n${bob}\n`;
    expect(keysIn(text)).toEqual([`1: ${alice}`, `3: ${bob}`]);
    expect(faultsIn(text)).toEqual(['2: this is not a public key']);
  });

  it('has one line with a carriage return alone in it, so that no key hides behind it', () => {
    expect(keysIn(`${alice}\r${bob}`)).toEqual([`1: ${alice} ${bob}`]);
  });

  it.each([
    'OPENSSH PRIVATE KEY',
    'RSA PRIVATE KEY',
    'EC PRIVATE KEY',
    'DSA PRIVATE KEY',
    'PRIVATE KEY',
    'ENCRYPTED PRIVATE KEY',
  ])('with a block of %s names it once and reads on behind it', (label) => {
    const block = `-----BEGIN ${label}-----\nProc-Type: 4,ENCRYPTED\n\nAAAA\nBBBB\n-----END ${label}-----\n`;
    const reading = readText(`${block}${alice}\n`);
    expect(reading.holdsPrivateKey).toBe(true);
    expect(reading.faults.map(({ line }) => line)).toEqual([1]);
    expect(reading.candidates.map(({ line }) => line)).toEqual([7]);
  });

  it.each([
    ['of PuTTY', 'PuTTY-User-Key-File-3: ssh-ed25519\nEncryption: none\nPrivate-MAC: 00\n'],
    ['of ssh.com', '---- BEGIN SSH2 ENCRYPTED PRIVATE KEY ----\nAAAA\n---- END SSH2 ENCRYPTED'],
    ['of SSH 1', 'SSH PRIVATE KEY FILE FORMAT 1.1\n\0'],
    ['cut off', '-----BEGIN OPENSSH PRIVATE KEY-----\nAAAA\nBBBB'],
    [
      'pasted as one line',
      '-----BEGIN OPENSSH PRIVATE KEY----- AAAA -----END OPENSSH PRIVATE KEY-----',
    ],
  ])('with a private key %s names it', (_what, text) => {
    const reading = readText(text);
    expect(reading.holdsPrivateKey).toBe(true);
    expect(reading.faults).toHaveLength(1);
  });

  it('says how to convert a PEM public key', () => {
    const { faults } = readText('-----BEGIN PUBLIC KEY-----\nMIIB\n-----END PUBLIC KEY-----\n');
    expect(faults).toHaveLength(1);
    expect(faults[0]?.fault.reason).toMatch(/PEM format/);
    expect(faults[0]?.fault.hints).toEqual(['convert it: ssh-keygen -i -m PKCS8 -f FILE']);
  });

  it('skips a block of something else as one fault', () => {
    const block = '-----BEGIN CERTIFICATE-----\nMIIB\nMIIC\n-----END CERTIFICATE-----';
    expect(faultsIn(`${block}\n${alice}`)).toEqual(['1: this block is not an SSH key']);
    expect(keysIn(`${block}\n${alice}`)).toEqual([`5: ${alice}`]);
  });

  it('never gives a key with a line break in it, whatever it is made of', () => {
    const piece = fc.oneof(
      fc.string({ unit: 'binary', maxLength: 20 }),
      fc.constantFrom('\n', '\r', '\r\n', ' ', '"', alice, bob, '\\'),
      fc.constantFrom('---- BEGIN SSH2 PUBLIC KEY ----\n', '---- END SSH2 PUBLIC KEY ----\n'),
      fc.constantFrom('-----BEGIN PRIVATE KEY-----\n', 'Comment: x\\\n', 'AAAA'),
    );
    fc.assert(
      fc.property(fc.array(piece, { maxLength: 12 }), (pieces) => {
        const text = pieces.join('');
        for (const written of keysIn(text)) expect(written).not.toMatch(/[\p{Cc}\p{Zl}\p{Zp}]/u);
        const lines = text.split('\n').length;
        for (const { line } of readText(text).faults) expect(line).toBeLessThanOrEqual(lines);
      }),
      { numRuns: 500 },
    );
  });
});

describe('the bytes of a key text', () => {
  const decode = (bytes: Uint8Array): string => decodeKeyText(bytes, "'bob.pub'");

  it('lose a byte order mark', () => {
    expect(decode(Buffer.from(`\ufeff${alice}`))).toBe(alice);
  });

  it('that are not UTF-8 spoil the comment only', () => {
    const [type = '', blob = ''] = alice.split(' ');
    const latin1 = Buffer.from(`${type} ${blob} Zo\u00eb`, 'latin1');
    expect(keysIn(decode(latin1))).toEqual([`1: ${type} ${blob} Zo\ufffd`]);
  });

  it.each([
    ['little-endian with mark', Buffer.from(`\ufeff${alice}`, 'utf16le')],
    ['big-endian with mark', Buffer.from(`\ufeff${alice}`, 'utf16le').swap16()],
    ['little-endian without mark', Buffer.from(alice, 'utf16le')],
    ['big-endian without mark', Buffer.from(alice, 'utf16le').swap16()],
  ])('are refused as UTF-16 (%s)', (_what, bytes) => {
    expect(() => decode(bytes)).toThrow("'bob.pub' is UTF-16 text, which sshd cannot read");
  });

  it('with a NUL in one line spoil that line only', () => {
    const text = decode(Buffer.from(`${alice}\nab\0cd\n${bob}\n`));
    expect(keysIn(text)).toEqual([`1: ${alice}`, `3: ${bob}`]);
    expect(faultsIn(text)).toEqual(['2: this line holds a NUL byte, so it is not text']);
  });
});

describe('a blob that says it is longer than it is', () => {
  it('is damaged', () => {
    const lying = Buffer.concat([Buffer.from([0, 0, 0, 0xff]), Buffer.from('ssh-ed25519')]);
    expect(faultsIn(`ssh-ed25519 ${lying.toString('base64')}`)).toEqual([
      '1: this key is damaged or cut short',
    ]);
  });
});
