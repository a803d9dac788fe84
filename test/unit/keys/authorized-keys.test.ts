import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import {
  findForeign,
  formatKeyLine,
  parseAuthorizedKeys,
  removeKeys,
  upsertKey,
  type KeyLine,
} from '../../../src/keys/authorized-keys.js';
import { ed25519Line } from '../../helpers/key-blob.js';
import { anyKeyLine, keyLine, newKeyLine } from '../../helpers/key-lines.js';

function upsert(content: string, line: KeyLine): { text: string; outcome: string } {
  const result = upsertKey(Buffer.from(content, 'latin1'), line);
  return { text: result.content.toString('latin1'), outcome: result.outcome };
}

function withAccess(line: KeyLine, access: 'read-only' | 'write-only'): KeyLine {
  return { ...line, policy: { ...line.policy, access } };
}

const bob = keyLine();
const bobLine = formatKeyLine(bob);
const foreign = ed25519Line('me@desk');

describe('upsertKey', () => {
  it('adds a line to an empty file', () => {
    expect(upsert('', bob)).toEqual({ text: `${bobLine}\n`, outcome: 'added' });
  });

  it('gives a last line the newline it lacks, so that two keys do not become one', () => {
    expect(upsert(foreign, bob).text).toBe(`${foreign}\n${bobLine}\n`);
  });

  it('keeps to the line ends of a file that has CRLF', () => {
    expect(upsert(`# a\r\n${foreign}`, bob).text).toBe(`# a\r\n${foreign}\r\n${bobLine}\r\n`);
    const again = upsert(`${bobLine}\r\n${foreign}\r\n`, withAccess(bob, 'read-only'));
    expect(again.text).toMatch(/laptop\r\nssh-ed25519 .*\r\n$/);
  });

  it('leaves a key that already has this policy as it is, with the date of its first import', () => {
    const later = { ...bob, policy: { ...bob.policy, imported: '2027-01-01T00:00:00Z' } };
    const content = `${bobLine}\n${foreign}`;
    expect(upsert(content, later)).toEqual({ text: content, outcome: 'unchanged' });
  });

  it('updates the policy in place', () => {
    const changed = withAccess(bob, 'write-only');
    expect(upsert(`# a\n${bobLine}\n${foreign}\n`, changed)).toEqual({
      text: `# a\n${formatKeyLine(changed)}\n${foreign}\n`,
      outcome: 'updated',
    });
  });

  it('updates the line of an earlier installation', () => {
    const old = formatKeyLine({ ...bob, launcher: '/old/pysync/launcher' });
    expect(upsert(`${old}\n`, bob)).toEqual({ text: `${bobLine}\n`, outcome: 'updated' });
  });

  it('takes duplicates of the key away, the damaged ones included', () => {
    const damaged = bobLine.replace('restrict,', 'restrict,pty,');
    const content = `${bobLine}\n${foreign}\n${damaged}\n${bobLine}`;
    expect(upsert(content, bob)).toEqual({ text: `${bobLine}\n${foreign}\n`, outcome: 'updated' });
  });

  it('fixes a damaged line of the key', () => {
    const damaged = bobLine.replace('restrict,', '');
    expect(upsert(`${damaged}\n# z\n`, bob)).toEqual({
      text: `${bobLine}\n# z\n`,
      outcome: 'updated',
    });
  });
});

describe('parseAuthorizedKeys', () => {
  it('tells our keys, others and damaged lines apart, by line number', () => {
    const other = `command="borg serve",restrict ${ed25519Line()}`;
    const damaged = bobLine.replace('--peer bob ', '');
    const content = ['# x', bobLine, '', foreign, damaged, other].join('\n');
    const { ours, foreign: others, broken } = parseAuthorizedKeys(Buffer.from(content));
    expect(ours).toEqual([{ ...bob, lineNumber: 2 }]);
    expect(others.map((key) => [key.lineNumber, key.restrictedByOther])).toEqual([
      [4, false],
      [6, true],
    ]);
    expect(broken).toEqual([
      { lineNumber: 5, reason: '--peer is missing or malformed', blob: bob.blob },
    ]);
  });
});

describe('findForeign', () => {
  const key = `ssh-ed25519 ${bob.blob}`;

  it.each([
    key,
    `  ${key} bob`,
    `restrict ${key}`,
    `command="/bin/x" ${key}`,
    `cert-authority ${key}`,
    `ED25519 ${bob.blob}`,
    `from="a b",no-pty\t${key}\r`,
    `${key.replace(/=*$/, '')} without padding`,
  ])('finds the key in %j', (line) => {
    expect(findForeign(Buffer.from(`# a\n${line}\n`), bob.blob)?.lineNumber).toBe(2);
  });

  it.each([`# ${key}`, ` #${key}`, bobLine, foreign])('does not find it in %j', (line) => {
    expect(findForeign(Buffer.from(`${line}\n`), bob.blob)).toBeUndefined();
  });
});

describe('removeKeys', () => {
  it('removes the lines that are meant and no other', () => {
    const eve = newKeyLine();
    const content = Buffer.from(`${bobLine}\n${foreign}\n${formatKeyLine(eve)}`);
    const result = removeKeys(content, (each) => each.blob === eve.blob);
    expect(result.content.toString()).toBe(`${bobLine}\n${foreign}\n`);
    expect(result.removed).toEqual([{ ...eve, lineNumber: 3 }]);
  });

  it('leaves damaged lines unless they are asked for', () => {
    const content = Buffer.from(`${bobLine.replace('restrict,', '')}\n${foreign}\n`);
    expect(removeKeys(content, () => true).content).toEqual(content);
    const all = removeKeys(
      content,
      () => true,
      (line) => line.blob === bob.blob,
    );
    expect(all.content.toString()).toBe(`${foreign}\n`);
  });
});

describe('any sequence of upserts and removals', () => {
  /** Lines of others: any bytes, and what comes close to a key or to a line of ours. */
  const anyForeignLine = fc
    .oneof(
      fc.uint8Array({ maxLength: 80 }).map((bytes) => Buffer.from(bytes)),
      fc
        .constantFrom(
          '',
          '\r',
          foreign,
          `${foreign}\r`,
          `# ${bobLine}`,
          bobLine.slice(0, 60),
          bobLine.replace('/pysync/launcher', '/pysync/other'),
          '\xff\xfe broken utf-8',
          'x'.repeat(20_000),
        )
        .map((text) => Buffer.from(text, 'latin1')),
    )
    .map((line) => line.toString('latin1').replaceAll('\n', ' '));

  const peers = [newKeyLine(), newKeyLine(), newKeyLine({ comment: '' })];
  const anyStep = fc.oneof(
    fc.record({ peer: fc.nat(2), access: fc.constantFrom('read-only', 'write-only') }),
    fc.record({ remove: fc.nat(2) }),
  );

  it('keeps the lines of others byte for byte, in order, and ours as they were asked for', () => {
    fc.assert(
      fc.property(
        fc.array(anyForeignLine, { maxLength: 6 }),
        fc.boolean(),
        fc.array(anyStep, { maxLength: 8 }),
        (others, endsInNewline, steps) => {
          const start = others.join('\n') + (endsInNewline && others.length > 0 ? '\n' : '');
          let content = Buffer.from(start, 'latin1');
          const wanted = new Map<string, string>();
          for (const step of steps) {
            if ('remove' in step) {
              const { blob } = peers[step.remove]!;
              content = Buffer.from(removeKeys(content, (key) => key.blob === blob).content);
              wanted.delete(blob);
            } else {
              const line = withAccess(peers[step.peer]!, step.access);
              content = Buffer.from(upsertKey(content, line).content);
              wanted.set(line.blob, formatKeyLine(line));
            }
          }
          const text = content.toString('latin1');
          const lines = text.match(/[^\n]*\n|[^\n]+$/g) ?? [];
          const isOurs = (each: string): boolean =>
            [...wanted.values()].includes(each.replace(/\r?\n$/, ''));
          const kept = lines.filter((each) => !isOurs(each)).join('');
          // The newline that the last line of others lacked may have been added.
          expect([start, `${start}\n`, `${start}\r\n`]).toContain(kept);
          if (steps.length === 0) expect(text).toBe(start);
          expect(
            parseAuthorizedKeys(content)
              .ours.map((key) => formatKeyLine(key))
              .sort(),
          ).toEqual([...wanted.values()].sort());
        },
      ),
    );
  });

  it('has an upsert do nothing the second time', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 300 }), anyKeyLine(), (bytes, line) => {
        const once = upsertKey(Buffer.from(bytes), line).content;
        const twice = upsertKey(once, line);
        expect(twice).toEqual({ content: once, outcome: 'unchanged' });
      }),
    );
  });
});
