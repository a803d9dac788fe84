import { describe, expect, it } from 'vitest';
import { readText } from '../../../src/keys/key-text.js';
import { ed25519Line, fidoLine } from '../../helpers/key-blob.js';

const begin = '---- BEGIN SSH2 PUBLIC KEY ----';
const end = '---- END SSH2 PUBLIC KEY ----';

/** The line as a block, its base64 broken at 64 characters. */
function blockOf(line: string, headers: readonly string[] = []): string {
  const body = line.split(' ')[1]?.match(/.{1,64}/g) ?? [];
  return [begin, ...headers, ...body, end, ''].join('\n');
}

function commentOf(...headers: readonly string[]): string | undefined {
  return readText(blockOf(ed25519Line(), headers)).candidates[0]?.key.comment;
}

describe('an SSH2 public key block', () => {
  it('gives the same key as its line', () => {
    const line = fidoLine('');
    const [type, blob] = line.split(' ');
    expect(readText(blockOf(line)).candidates).toEqual([
      { key: { type, blob, comment: '', optionsDropped: false }, line: 1 },
    ]);
  });

  it('may be among others and among lines, with CRLF too', () => {
    const text = `${ed25519Line()}\n${blockOf(ed25519Line())}\n${blockOf(fidoLine())}${ed25519Line()}`;
    for (const each of [text, text.replaceAll('\n', '\r\n')]) {
      const { candidates, faults } = readText(each);
      expect(candidates.map(({ line }) => line)).toEqual([1, 2, 7, 11]);
      expect(faults).toEqual([]);
    }
  });

  it('has its comment in a header, quoted or not, in any case', () => {
    expect(commentOf('Comment: "bob\'s laptop"')).toBe("bob's laptop");
    expect(commentOf('COMMENT: bob')).toBe('bob');
    expect(commentOf('Subject: robert', 'Comment: bob', 'x-note: hello')).toBe('bob');
  });

  it('may carry a header on over several lines', () => {
    const lines = ['Comment: for use on \\', 'servers which I don\\', "'t run"];
    expect(commentOf(...lines)).toBe("for use on servers which I don't run");
  });

  it('names the person where ssh-keygen wrote its own comment', () => {
    expect(commentOf('Comment: "256-bit ED25519, converted by bob@laptop from OpenSSH"')).toBe(
      'bob@laptop',
    );
  });

  it.each([
    ['without an end', blockOf(ed25519Line()).replace(end, 'nothing here')],
    ['without a key', `${begin}\n${end}\n`],
    ['with a cut key', blockOf(ed25519Line()).replace(/..\n---- END/, '\n---- END')],
    ['with a header that never ends', `${begin}\nComment: x\\\n`],
  ])('%s is one fault', (_what, text) => {
    const { candidates, faults } = readText(text);
    expect(candidates).toEqual([]);
    expect(faults.map(({ line }) => line)).toEqual([1]);
    expect(faults[0]?.fault.reason).toMatch(/damaged/);
  });

  it('without an end does not swallow the next block', () => {
    const { candidates, faults } = readText(`${begin}\nAAAA\n${blockOf(ed25519Line())}`);
    expect(faults.map(({ line }) => line)).toEqual([1]);
    expect(candidates.map(({ line }) => line)).toEqual([3]);
  });
});
