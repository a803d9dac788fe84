import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { PysyncError } from '../../../src/errors.js';
import type { Policy } from '../../../src/gate/policy.js';
import { quoteAll } from '../../../src/gate/quote.js';
import { formatKeyLine, type KeyLine } from '../../../src/keys/key-line.js';
import { readAuthorizedLine } from '../../../src/keys/read-line.js';
import { anyKeyLine, keyLine } from '../../helpers/key-lines.js';

/**
 * How sshd takes a line apart, written after sshkey_advance_past_options (sshkey.c) and opt_dequote
 * (misc.c) and independently of src/, with nothing shared but the facts.
 */
function asSshdReads(line: string): { options: [string, string | null][]; rest: string } {
  let end = 0;
  for (let quoted = false; end < line.length; end += 1) {
    const c = line[end];
    if (!quoted && (c === ' ' || c === '\t')) break;
    if (c === '\\' && line[end + 1] === '"') end += 1;
    else if (c === '"') quoted = !quoted;
  }
  const options: [string, string | null][] = [];
  let s = line.slice(0, end);
  while (s !== '') {
    const name = /^[A-Za-z0-9-]+/.exec(s)?.[0] ?? '';
    s = s.slice(name.length);
    let value: string | null = null;
    if (s.startsWith('="')) {
      value = '';
      let i = 2;
      for (; i < s.length && s[i] !== '"'; i += 1) {
        if (s[i] === '\\' && s[i + 1] === '"') i += 1;
        value += s[i] ?? '';
      }
      if (s[i] !== '"') throw new Error('missing end quote');
      s = s.slice(i + 1);
    }
    options.push([name, value]);
    if (s !== '' && !/^,./s.test(s)) throw new Error('unknown key option');
    s = s.slice(1);
  }
  return { options, rest: line.slice(end).trimStart() };
}

function policyWith(change: Partial<Policy>): KeyLine {
  const line = keyLine();
  return { ...line, policy: { ...line.policy, ...change } };
}

describe('formatKeyLine', () => {
  it('writes restrict, the conditions, the forced command, the key', () => {
    const line = keyLine({
      from: ['10.0.0.0/8', '!10.0.0.1'],
      expires: new Date(2030, 0, 2, 3, 4, 5),
    });
    const { share, key, imported } = line.policy;
    expect(formatKeyLine(line)).toBe(
      'restrict,from="10.0.0.0/8,!10.0.0.1",expiry-time="20300102030405",' +
        `command="/home/me/.local/share/pysync/launcher --peer bob --key ${key} --share ${share} ` +
        `--access read-write --source argument --imported ${imported}" ` +
        `ssh-ed25519 ${line.blob} bob@laptop`,
    );
  });

  it('makes one line in which sshd sees exactly the options that were meant', () => {
    fc.assert(
      fc.property(anyKeyLine(), (line) => {
        const text = formatKeyLine(line);
        expect(text).not.toMatch(/[\n\r\0]/);
        const { options, rest } = asSshdReads(text);
        expect(options.map(([name]) => name)).toEqual([
          'restrict',
          ...(line.from.length > 0 ? ['from'] : []),
          ...(line.expires === undefined ? [] : ['expiry-time']),
          'command',
        ]);
        if (line.from.length > 0) expect(new Map(options).get('from')).toBe(line.from.join());
        const command = new Map(options).get('command') ?? '';
        expect(command).toContain(quoteAll(['--share', line.policy.share, '--access']));
        expect(rest).toBe(`${line.type} ${line.blob} ${line.comment}`.trim());
      }),
    );
  });

  it('is read back as what was written', () => {
    fc.assert(
      fc.property(anyKeyLine(), (line) => {
        const text = Buffer.from(formatKeyLine(line));
        expect(readAuthorizedLine(text)).toEqual({ kind: 'ours', line });
      }),
    );
  });

  const unsafe: [string, KeyLine][] = [
    ['a newline in the peer', policyWith({ peer: 'bob\nssh-ed25519 AAAA' })],
    ['a blank in the peer', policyWith({ peer: 'bob smith' })],
    ['a newline in the source', policyWith({ source: 'file:a\nb' })],
    ['a carriage return in the source', policyWith({ source: 'file:a\rb' })],
    ['a NUL in the source', policyWith({ source: 'file:a\0b' })],
    ['a backslash in the source', policyWith({ source: 'file:a\\' })],
    ['half a surrogate pair in the source', policyWith({ source: 'file:\ud800' })],
    ['an empty source', policyWith({ source: '' })],
    ['a newline in the share', policyWith({ share: '/a\nb' })],
    ['a backslash before a quote in the share', policyWith({ share: '/a\\"b' })],
    ['a share that is not an absolute path', policyWith({ share: 'public' })],
    ['a fingerprint of another key', policyWith({ key: `SHA256:${'A'.repeat(43)}` })],
    ['a newline in the comment', keyLine({ comment: 'a\nssh-ed25519 AAAA' })],
    ['a NUL in the comment', keyLine({ comment: 'a\0' })],
    ['a quote in an address', keyLine({ from: ['10.0.0.1",command="sh'] })],
    ['a comma in an address', keyLine({ from: ['10.0.0.1,*'] })],
    ['an empty address', keyLine({ from: [''] })],
    ['a launcher of another name', keyLine({ launcher: '/bin/sh' })],
    ['a launcher that is not an absolute path', keyLine({ launcher: 'pysync/launcher' })],
    ['a key that is not one', keyLine({ blob: 'AAAA' })],
    ['a key with a blank in it', keyLine({ blob: `${keyLine().blob} x` })],
    ['a type that is not the key’s', keyLine({ type: 'ssh-rsa' })],
    ['a time of expiry that does not exist', keyLine({ expires: new Date(NaN) })],
    ['a time of expiry that has five digits of year', keyLine({ expires: new Date(10000, 1) })],
  ];
  it.each(unsafe)('refuses %s', (_, line) => {
    expect(() => formatKeyLine(line)).toThrow(PysyncError);
    expect(() => formatKeyLine(line)).toThrow(/cannot be written/);
  });

  it('refuses any text with a control character or backslash, wherever it comes from', () => {
    const bad = fc
      .tuple(
        fc.string(),
        fc.constantFrom('\n', '\r', '\0', '\x1b', '\x7f', '\x85', '\\'),
        fc.string(),
      )
      .map((parts) => parts.join(''));
    fc.assert(
      fc.property(bad, (text) => {
        expect(() => formatKeyLine(policyWith({ peer: text }))).toThrow();
        expect(() => formatKeyLine(policyWith({ source: text }))).toThrow();
        expect(() => formatKeyLine(policyWith({ share: `/${text}` }))).toThrow();
        expect(() => formatKeyLine(keyLine({ launcher: `/${text}/pysync/launcher` }))).toThrow();
        expect(() => formatKeyLine(keyLine({ from: [text] }))).toThrow();
      }),
    );
  });

  it('refuses a line that old versions of sshd would skip', () => {
    const from = Array.from({ length: 900 }, (_, i) => `10.0.${Math.floor(i / 250)}.${i % 250}`);
    expect(() => formatKeyLine(keyLine({ from }))).toThrow(/too long for sshd/);
  });
});

describe('readAuthorizedLine', () => {
  const { blob } = keyLine();
  const read = (text: string): ReturnType<typeof readAuthorizedLine> =>
    readAuthorizedLine(Buffer.from(text));

  it.each([
    '',
    '\n',
    '\r\n',
    ' \t\n',
    '# ssh-ed25519 x\n',
    `#ssh-ed25519 ${blob}\n`,
    'hello world\n',
  ])('finds no key in %j', (text) => {
    expect(read(text)).toEqual({ kind: 'none' });
  });

  it.each([
    `ssh-ed25519 ${blob}`,
    `ssh-ed25519 ${blob}\r\n`,
    ` \tssh-ed25519\t${blob} a comment\n`,
    `ED25519 ${blob}\n`,
    `no-pty ssh-ed25519 ${blob}\n`,
    `environment="A=\\"x y\\"" ssh-ed25519 ${blob}\n`,
    `ssh-ed25519 ${blob}\0 cut here\n`,
    `restrict ssh-ed25519 ${blob} command="/x/pysync/launcher"\n`,
    `environment="X=/x/pysync/launcher" ssh-ed25519 ${blob}\n`,
  ])('sees somebody else’s key in %j', (text) => {
    const key = expect.objectContaining({ type: 'ssh-ed25519', blob }) as unknown;
    expect(read(text)).toEqual({ kind: 'foreign', key, restrictedByOther: false });
  });

  it('tells a key that another program restricts', () => {
    const text = `command="/usr/bin/borg serve /x/pysync/launcher",restrict ssh-ed25519 ${blob}`;
    expect(read(text)).toMatchObject({ kind: 'foreign', restrictedByOther: true });
  });

  it('knows the line of an earlier installation as ours', () => {
    const old = keyLine({ launcher: '/old home/o\'brien/"x"/pysync/launcher' });
    expect(read(formatKeyLine(old))).toEqual({ kind: 'ours', line: old });
  });

  const good = formatKeyLine(keyLine());
  it.each([
    ['no restrict', good.replace('restrict,', ''), /does not start with restrict/],
    [
      'restrict at the end',
      good.replace('restrict,', '').replace('" ssh', '",restrict ssh'),
      /start/,
    ],
    [
      'an option that lifts the restriction',
      good.replace('restrict,', 'restrict,pty,'),
      /not write/,
    ],
    ['an option twice', good.replace('restrict,', 'restrict,from="a",from="b",'), /twice/],
    ['an empty from', good.replace('restrict,', 'restrict,from="",'), /from=/],
    ['an impossible day', good.replace('restrict,', 'restrict,expiry-time="20300231",'), /expiry/],
    ['an unknown word of policy', good.replace('--peer bob', '--peer bob --admin'), /--admin/],
    ['a missing word of policy', good.replace('--peer bob ', ''), /--peer/],
    ['a second command', good.replace('--peer bob', '--peer bob;sh'), /command=/],
    ['a substitution', good.replace('--peer bob', '--peer $(id)'), /command=/],
    [
      'a fingerprint of another key',
      good.replace(/SHA256:.{43}/, `SHA256:${'A'.repeat(43)}`),
      /--key/,
    ],
    ['no key', good.replace(/ ssh-ed25519.*/, ''), /key/],
    ['a cut key', good.replace(blob, blob.slice(0, 40)), /key/],
    ['a quote that does not end', good.replace('" ssh', ' ssh'), /quote/],
  ])('reports our line with %s as broken', (_, text, reason) => {
    expect(read(text)).toMatchObject({
      kind: 'broken',
      reason: expect.stringMatching(reason) as unknown,
    });
  });

  it('never throws, and needs no more than moments for a long line', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 200 }), (bytes) => {
        expect(readAuthorizedLine(Buffer.from(bytes)).kind).toBeDefined();
      }),
    );
    for (const piece of ['a', '"', '\\"', '\\', "'", 'a,', '="', 'command="', ' ', "'\\''"]) {
      const started = performance.now();
      read(`restrict,command="/x/pysync/launcher ${piece.repeat(200_000)}`);
      read(`restrict,command="/x/pysync/launcher ${piece.repeat(200_000)}" ssh-ed25519 ${blob}`);
      read(piece.repeat(200_000));
      expect(performance.now() - started).toBeLessThan(2000);
    }
  });
});
