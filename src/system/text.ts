/**
 * Text that somebody else wrote (key comments, file names, a tool's stderr) on its way to a person.
 */

/**
 * What a terminal obeys instead of showing, or shows as nothing: control characters, the bidi and
 * other format characters, line and paragraph separators, the invisible fillers and variation
 * selectors, and halves of surrogate pairs.
 */
const unprintable = /[\p{Cc}\p{Cf}\p{Zl}\p{Zp}\p{Cs}\p{Default_Ignorable_Code_Point}]/gu;

const shortEscapes: Readonly<Record<string, string>> = { '\n': '\\n', '\r': '\\r', '\t': '\\t' };

/**
 * `text` with every unprintable character written as an escape (`\n`, `\u001b`, `\u{e0001}`), so
 * that it stays on one line, moves no cursor and reads in the order in which it is stored.
 *
 * It is made to be looked at, not to be read back: a backslash stays as it is.
 */
export function printable(text: string): string {
  return text.replace(unprintable, (character) => {
    const short = shortEscapes[character];
    if (short !== undefined) return short;
    const hex = (character.codePointAt(0) ?? 0).toString(16);
    return hex.length > 4 ? `\\u{${hex}}` : `\\u${hex.padStart(4, '0')}`;
  });
}

/** `value` in JSON, with everything a terminal would obey as an escape, which reads back the same. */
export function printableJson(value: unknown, indent?: number): string {
  // What JSON itself puts between the values is line breaks and blanks.
  return JSON.stringify(value, undefined, indent).replace(unprintable, (character) =>
    character === '\n'
      ? character
      : Array.from({ length: character.length }, (_, i) => escapeUnit(character, i)).join(''),
  );
}

function escapeUnit(text: string, at: number): string {
  return `\\u${text.charCodeAt(at).toString(16).padStart(4, '0')}`;
}

/** `1 key`, `2 keys`. */
export function counted(number: number, what: string): string {
  return `${number} ${what}${number === 1 ? '' : 's'}`;
}
