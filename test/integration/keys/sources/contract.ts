/** What src/keys/sources/source.ts has every kind of key source promise, tried on each kind alike. */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { readKeyText, type KeyText } from '../../../../src/keys/public-key.js';
import { readSource, whyNotAskable } from '../../../../src/keys/sources/index.js';
import { forPolicy, largestSource, nobodyListed } from '../../../../src/keys/sources/source.js';
import type { KeySource, SourceContext } from '../../../../src/keys/sources/source.js';
import { printable } from '../../../../src/system/text.js';
import { mustExec } from '../../../helpers/exec.js';
import { ed25519Line } from '../../../helpers/key-blob.js';
import { createTemporaryFolder } from '../../../helpers/tmp.js';

/** A source as the owner names it, and what it is read with. */
export interface Named {
  readonly word: string;
  readonly context?: SourceContext;
  /** Other words for the same source. */
  readonly spellings?: readonly string[];
}

export interface SourceFixture {
  /** Puts a list of these lines where sources of this kind are. */
  readonly holding: (lines: readonly string[]) => Promise<Named> | Named;
  /** A word for this kind that has `text` in it, which a terminal would obey. */
  readonly named: (text: string) => Promise<Named> | Named;
  /** Of a remote kind: a server that takes a request and never answers it, and half of an answer. */
  readonly silent?: readonly (() => Promise<Named>)[];
}

const keyLines = (count: number): string[] =>
  Array.from({ length: count }, () => ed25519Line('').trim());

async function readKeys({ word, context }: Named): Promise<KeyText> {
  const result = await readSource(word, context);
  return readKeyText(result.content, result);
}

/** A failure's code, and all that a person would see of it. */
async function failureOf(reading: Promise<unknown>): Promise<{ code: unknown; text: string }> {
  const error: unknown = await reading.then(
    () => undefined,
    (reason: unknown) => reason,
  );
  if (!(error instanceof Error)) throw new Error('it did not fail');
  const { code, hints = [] } = error as { code?: unknown; hints?: readonly string[] };
  return { code, text: [error.message, ...hints].join(' ') };
}

export function testContract(source: KeySource, fixture: SourceFixture): void {
  const isRemote = fixture.silent !== undefined;

  it('gives all keys, and says where they came from', async () => {
    const lines = keyLines(230);
    const { word, context } = await fixture.holding(lines);
    const result = await readSource(word, context);
    const { found, rejected } = await readKeyText(result.content, result);
    expect(found.map(({ key }) => `${key.type} ${key.blob}`)).toEqual(lines);
    expect(rejected).toEqual([]);
    expect(result.reading).toBe(source.reading);
    expect(result.source.startsWith(source.inPolicy)).toBe(true);
    expect(result.source).toBe(forPolicy(result.source));
    expect(result.origin).not.toBe('');
  });

  it('refuses a private key without a byte of it', async () => {
    const path = join(createTemporaryFolder().path, 'own');
    await mustExec(['ssh-keygen', '-q', '-t', 'ed25519', '-N', '', '-f', path]);
    const lines = readFileSync(path, 'utf8').trim().split('\n');
    const { code, text } = await failureOf(readKeys(await fixture.holding(lines)));
    expect(code).toBe('KEY_IS_PRIVATE');
    for (const line of lines.slice(1, -1)) expect(text).not.toContain(line);
  });

  it('refuses a list without end', async () => {
    const lines = [...keyLines(1), '#'.repeat(largestSource)];
    expect(await failureOf(readKeys(await fixture.holding(lines)))).toMatchObject({
      code: 'SOURCE_TOO_LARGE',
    });
  });

  it('lets nothing reach the terminal that it would obey', async () => {
    const hostile = '\u001b[2J\u009b1m\u202e';
    const { found, rejected } = await readKeys(
      await fixture.holding([`${ed25519Line('')}${hostile}`, `${hostile} nonsense`]),
    );
    expect(found).toHaveLength(1);
    expect(rejected).toHaveLength(1);
    const shown = [found[0]?.key.comment ?? '', rejected[0]?.reason ?? ''];
    const { word, context } = await fixture.named(hostile);
    const outcome = await readSource(word, context).then(
      ({ source: kept, origin, note = '', publicKeyBeside = '' }) =>
        [kept, origin, note, publicKeyBeside].join(' '),
      async (error: unknown) => (await failureOf(Promise.reject(error as Error))).text,
    );
    for (const text of [...shown, outcome]) expect(text).toBe(printable(text));
  });

  it('can be asked again by what the policy keeps of it, or says why not', async () => {
    const lines = keyLines(2);
    const named = await fixture.holding(lines);
    const { source: kept } = await readSource(named.word, named.context);
    const reason = whyNotAskable(kept);
    expect(reason === undefined).toBe(isRemote);
    if (reason !== undefined) return;
    const again = await readSource(kept, named.context);
    expect(again).toMatchObject({ reading: source.reading, source: kept });
  });

  if (fixture.silent === undefined) return;

  it.each([
    ['empty', []],
    ['of comments only', ['# nobody', '']],
  ])('lists nobody where the list is %s', async (_what, lines) => {
    const { code } = await failureOf(readKeys(await fixture.holding(lines)));
    expect(nobodyListed).toContain(code);
  });

  it('is one source, however it is spelled', async () => {
    const { word, context, spellings = [] } = await fixture.holding(keyLines(1));
    const { source: kept } = await readSource(word, context);
    expect(spellings).not.toEqual([]);
    for (const spelling of spellings) {
      const other = await readSource(spelling, context);
      expect({ spelling, kept: other.source }).toEqual({ spelling, kept });
    }
  });

  describe.each(fixture.silent)('where an answer never ends', (silent) => {
    it('fails in time, and not as a list of nobody', async () => {
      const { word, context } = await silent();
      const { code, text } = await failureOf(readSource(word, { ...context, timeoutMs: 200 }));
      expect(text).toContain('within 0.2 s');
      expect(nobodyListed).not.toContain(code);
    });
  });
}
