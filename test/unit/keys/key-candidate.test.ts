import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { cleanComment, readKeyLine } from '../../../src/keys/key-candidate.js';
import { blobOf, ed25519Line, fidoLine } from '../../helpers/key-blob.js';

const line = ed25519Line();
const [type = '', blob = ''] = line.split(' ');

function reasonFor(text: string): string | undefined {
  const reading = readKeyLine(text);
  return reading.kind === 'fault' ? reading.fault.reason : undefined;
}

describe('a line of a key file', () => {
  it('is taken apart into type, key and comment', () => {
    expect(readKeyLine(line)).toEqual({
      kind: 'key',
      key: { type, blob, comment: 'bob@laptop', optionsDropped: false },
    });
  });

  it('may have no comment, and a comment of many words', () => {
    expect(readKeyLine(`${type} ${blob}`)).toMatchObject({ key: { comment: '' } });
    expect(readKeyLine(`${type} ${blob} Bob  of\tAccounts`)).toMatchObject({
      key: { comment: 'Bob of Accounts' },
    });
  });

  it('may have blanks in front, tabs between and CRLF behind', () => {
    expect(readKeyLine(` \t${type}\t${blob} \tbob\r`)).toMatchObject({
      kind: 'key',
      key: { comment: 'bob' },
    });
  });

  it.each(['', '   ', '\t\r', '# a comment', `  # ${line}`])('%j says nothing', (text) => {
    expect(readKeyLine(text)).toEqual({ kind: 'nothing' });
  });

  it('may hold a key of a type that this program has never heard of', () => {
    const future = `ssh-mldsa@example.org ${blobOf('ssh-mldsa@example.org', 'x'.repeat(900))}`;
    expect(readKeyLine(fidoLine()).kind).toBe('key');
    expect(readKeyLine(future).kind).toBe('key');
  });

  it.each([
    'restrict',
    'no-pty,no-X11-forwarding',
    'RESTRICT,No-Agent-Forwarding',
    'command="echo hello, world",no-pty',
    'command="say \\"ssh-ed25519 AAAA\\" x"',
    `command="${line}"`,
    'from="10.0.0.0/8,!10.1.1.1",environment="A=b c"',
  ])('loses its options %j, and says so', (options) => {
    expect(readKeyLine(`${options} ${line}`)).toEqual({
      kind: 'key',
      key: { type, blob, comment: 'bob@laptop', optionsDropped: true },
    });
  });

  it.each([
    ['words', 'hello world', /not a public key/],
    ['a type alone', 'ssh-ed25519', /not a public key/],
    ['base64 alone', blob, /not a public key/],
    ['a quote that never ends', `command="x ${line}`, /not a public key/],
    ['a cut key', `${type} ${blob.slice(0, 41)}`, /damaged/],
    ['a key cut where base64 can end', `${type} ${blob.slice(0, 12)}`, /damaged/],
    ['base64 without its padding', `ssh-rsa ${blobOf('ssh-rsa', 'x').replace(/=+$/, '')}`, /dama/],
    ['base64 of the other alphabet', `${type} ${blob.slice(0, -2)}_-`, /damaged/],
    ['one type outside and another inside', `ssh-rsa ${blob}`, /damaged/],
    ['a type that is not a word', `ssh;rm ${blob}`, /not a public key/],
    ['a certificate authority', `cert-authority ${line}`, /certificate authority/],
    ['one among options', `no-pty,Cert-Authority,from="x" ${line}`, /certificate authority/],
    ['one of known_hosts', `@cert-authority *.example.org ${line}`, /not a public key/],
    ['a known host', `example.org,10.0.0.1 ${line}`, /not options/],
    ['a hashed known host', `|1|c2FsdA==|aGFzaA== ${line}`, /not options/],
    ['an unknown option', `restrict,allow-everything ${line}`, /not options/],
    ['DSA', `ssh-dss ${blobOf('ssh-dss', 'p', 'q', 'g', 'y')}`, /DSA/],
    ['NUL', `${line}\0`, /NUL/],
  ])('that holds %s is a fault', (_what, text, reason) => {
    expect(reasonFor(text)).toMatch(reason);
  });

  it.each(['ssh-ed25519-cert-v01@openssh.com', 'sk-ssh-ed25519-cert-v01@openssh.com'])(
    'that holds a certificate (%s) is a fault',
    (name) => {
      expect(reasonFor(`${name} ${blobOf(name, 'nonce')}`)).toMatch(/certificate/);
    },
  );

  it('never has its content in the reason it was refused for', () => {
    fc.assert(
      fc.property(fc.stringMatching(/^[a-z ]{12,40}$/), (words) => {
        const secret = `${words} hunter2secret`;
        const reading = readKeyLine(secret);
        expect(JSON.stringify(reading)).not.toContain('hunter2secret');
      }),
    );
  });

  it('gives, whatever it holds, only parts that make one line with one key', () => {
    const piece = fc.oneof(
      fc.string({ unit: 'binary' }),
      fc.constantFrom(' ', '\t', '"', '\\"', ',', '\r', '\0', line, blob, type, 'restrict', 'AAAA'),
    );
    fc.assert(
      fc.property(fc.array(piece, { maxLength: 8 }), (pieces) => {
        const reading = readKeyLine(pieces.join('').replaceAll('\n', ''));
        if (reading.kind !== 'key') return;
        const { key } = reading;
        expect(`${key.type} ${key.blob} ${key.comment}`).toMatch(
          /^[A-Za-z0-9@.-]+ AAAA[A-Za-z0-9+/]*={0,2} [^\p{Cc}\p{Cf}\p{Zl}\p{Zp}]*$/u,
        );
      }),
      { numRuns: 500 },
    );
  });

  it('reads a megabyte of blanks or quotes without delay', () => {
    const started = performance.now();
    readKeyLine(`x${' '.repeat(1 << 20)}y`);
    readKeyLine(`${'="\\"'.repeat(1 << 18)} x`);
    expect(performance.now() - started).toBeLessThan(1000);
  });
});

describe('a comment', () => {
  it('becomes one line with nothing invisible in it', () => {
    expect(cleanComment(' bob\n\r\n ssh-rsa\tAAAA ')).toBe('bob ssh-rsa AAAA');
    expect(cleanComment('\u001b[2Jbob \u202egnp.exe')).toBe('\\u001b[2Jbob \\u202egnp.exe');
  });

  it('is cut at 200 characters, and not inside one', () => {
    expect(cleanComment('x'.repeat(500))).toHaveLength(200);
    expect(Array.from(cleanComment('👍'.repeat(300)))).toHaveLength(200);
  });

  it('is clean the second time too', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'binary', maxLength: 300 }), (text) => {
        expect(cleanComment(cleanComment(text))).toBe(cleanComment(text));
      }),
    );
  });
});
