/**
 * The one place that turns words into shell text: for the launcher's `eval` and the forced command.
 *
 * SECURITY: a word is either made only of characters that no shell acts on, or is in single
 * quotes, inside which shells act on nothing. test/integration/gate/quote.test.ts holds
 * this against real shells, for any word.
 */
export function quote(word: string): string {
  // Not `=` or `%` in front: zsh looks for a program of that name, fish for a process.
  if (/^[A-Za-z0-9_@+:,./-][A-Za-z0-9_@%+=:,./-]*$/.test(word)) return word;
  // Outside of the quotes a backslash takes away the meaning of the next character in all shells;
  // inside of them fish knows it as well.
  return `'${word.replaceAll(/['\\]/g, (character) => `'\\${character}'`)}'`;
}

/** Several words as one line of shell text. */
export function quoteAll(words: readonly string[]): string {
  return words.map(quote).join(' ');
}
