import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { Header } from '../../../src/log/log.js';
import { readLog } from '../../../src/history/log-text.js';
import { describeEnding, nameOf } from '../../../src/history/transfer.js';
import type { Transfer } from '../../../src/history/transfer.js';

const header: Header = {
  version: 1,
  time: '2026-11-23T05:06:07.000Z',
  peer: 'bob',
  key: 'SHA256:abc',
  share: '/home/anna/public',
  address: '192.0.2.7',
  direction: 'push',
  place: '.',
  command: 'rsync --server . x',
  pid: 1,
  token: 'f00d',
};
const date = '2026/11/23 05:06:07 [2]';

const line = (length: number, wire: number, name: string): string =>
  `${date} f00d recv ${length} ${wire} ${name}\n`;

function parse(text: string, change: Partial<Header> = {}, keep = Infinity): Transfer {
  const reader = readLog('id', keep);
  reader.read(Buffer.from(`${JSON.stringify({ ...header, ...change })}\n${text}`));
  const transfer = reader.transfer();
  if (transfer === undefined) throw new Error('no transfer');
  return transfer;
}

const names = (transfer: Transfer): string[] => transfer.files.map(nameOf);

describe('the files of a log', () => {
  it('are counted and summed, and as many as wanted are kept by name', () => {
    const text = line(3, 43, 'a') + line(0, 36, 'dir/b c') + line(1000, 20, 'd');
    expect(parse(text)).toMatchObject({ fileCount: 3, bytes: 1003, transferred: 99 });
    expect(names(parse(text))).toEqual(['a', 'dir/b c', 'd']);
    expect(parse(text, {}, 1)).toMatchObject({ fileCount: 3, bytes: 1003 });
    expect(names(parse(text, {}, 1))).toEqual(['a']);
  });

  it('have the names they have on disk', () => {
    const text = line(1, 1, 'ev\\#012il') + line(1, 1, 'ü\\#377') + line(1, 1, '\\#134#012 \\#999');
    expect(names(parse(text))).toEqual(['ev\nil', 'ü\ufffd', '\\#012 \\#999']);
    expect(parse(text).files[1]?.raw).toBe('\xc3\xbc\xff');
  });

  it('are below the destination that the sender has named', () => {
    expect(names(parse(line(1, 1, 'a'), { place: 'from bob/ü/' }))).toEqual(['from bob/ü/a']);
    expect(names(parse(line(1, 1, 'a'), { place: './' }))).toEqual(['a']);
  });

  it('do not count where the token is missing, or elsewhere', () => {
    for (const forged of [
      `${date} recv 1 1 x`,
      `${date} cafe recv 1 1 x`,
      `${date} x ] f00d recv 1 1 x`.replace('] f00d', '] cafe'),
      'f00d recv 1 1 x',
      `${date} f00d recv -1 1 x`,
      `${date} f00d recv 1 1 `,
      `${date} f00d del. 1 1 x`,
    ]) {
      expect(parse(`${forged}\n`)).toMatchObject({ fileCount: 0 });
    }
    expect(parse(`${date}  recv 1 1 x\n`, { token: '' })).toMatchObject({ fileCount: 0 });
  });

  it('are read the same however the log comes in', () => {
    const text = `${JSON.stringify(header)}\n${line(3, 4, 'ä')}${line(5, 6, 'b')}pysync-end 0\n`;
    const reader = readLog('id', 10);
    const told = [...Buffer.from(text)].flatMap((byte) => reader.read(Uint8Array.of(byte)));
    expect(told.map(nameOf)).toEqual(['ä', 'b']);
    expect(reader.transfer()).toMatchObject({ fileCount: 2, bytes: 8, ending: { kind: 'done' } });
  });
});

describe('a log that became too long', () => {
  it('is known to lack files, and its last line, which may be half of one, does not count', () => {
    const cut = parse(
      `${line(1, 1, 'a')}${line(1, 1, 'half').trimEnd()}\npysync-cut\npysync-end 0\n`,
    );
    expect(names(cut)).toEqual(['a']);
    expect(cut).toMatchObject({ complete: false, fileCount: 1, ending: { kind: 'done' } });
    const between = parse(`${line(1, 1, 'a')}\npysync-cut\npysync-end 0\n`);
    expect(between).toMatchObject({ complete: false, fileCount: 1 });
    expect(parse(line(1, 1, 'a'))).toMatchObject({ complete: true });
  });
});

describe('how it ended', () => {
  const full = `${date} rsync: [receiver] write failed on "x": No space left on device (28)\n`;
  it.each([
    ['', 'running'],
    ['pysync-end 0\n', 'done'],
    ['pysync-end 23\n', 'failed: some files were not transferred (rsync code 23)'],
    ['pysync-end 99\n', 'failed: an error (rsync code 99)'],
    ['pysync-end 12\n', 'interrupted (rsync code 12)'],
    ['pysync-end 137\n', 'interrupted (rsync code 137)'],
    [`${full}pysync-end 11\n`, 'no space left'],
    [`${full}pysync-end 0\n`, 'done'],
    ['pysync-refused "not for you"\n', 'refused: not for you'],
    ['pysync-refused nonsense\n', 'refused: for a reason that cannot be read'],
    ['\npysync-revoked\npysync-refused "x"\npysync-end 20\n', 'ended: the key was revoked'],
    [`${date} pysync-end 0\n`, 'running'],
  ])('is read from its last lines: %j', (text, words) => {
    expect(describeEnding(parse(text).ending)).toBe(words);
  });

  it('includes the exit status of on-received', () => {
    expect(parse('pysync-end 0\npysync-hook 3\n')).toMatchObject({ hookStatus: 3 });
    expect(parse('pysync-end 0\n')).toMatchObject({ hookStatus: undefined });
  });
});

describe('what is not a log', () => {
  it.each(['', 'null', '{}', '[]', '{"version":1}', JSON.stringify({ ...header, time: 'now' })])(
    'is not read as one: %s',
    (text) => {
      const reader = readLog('id', 1);
      reader.read(Buffer.from(`${text}\n${line(1, 1, 'a')}`));
      expect(reader.transfer()).toBeUndefined();
    },
  );

  it('makes no bytes throw, in a log or as one', () => {
    const piece = fc.oneof(
      fc.uint8Array({ maxLength: 60 }),
      fc
        .constantFrom('\n', 'pysync-', 'cut', 'end ', 'hook ', '] f00d recv ', '\\#')
        .map((text) => Buffer.from(text)),
    );
    fc.assert(
      fc.property(fc.array(piece, { maxLength: 30 }), fc.boolean(), (pieces, hasHeader) => {
        const reader = readLog('id', 3);
        if (hasHeader) reader.read(Buffer.from(`${JSON.stringify(header)}\n`));
        for (const bytes of pieces) reader.read(bytes);
        const transfer = reader.transfer();
        if (transfer === undefined) return;
        expect(transfer.fileCount).toBeGreaterThanOrEqual(transfer.files.length);
        expect(describeEnding(transfer.ending)).not.toBe('');
      }),
    );
  });
});
