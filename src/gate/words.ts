/**
 * Splits the text in `SSH_ORIGINAL_COMMAND` into words, as far as rsync clients rely on a shell to
 * do it: white space separates, backslash and quotes protect. rsync since 3.2.4 escapes with
 * backslashes; older ones and openrsync leave it to their user, who writes quotes.
 *
 * Nothing is expanded: old clients send names with `;`, `&`, `(` or a backtick as they are. Only a bare
 * `$` is refused: whoever sends one expects an expansion that will not happen.
 */
import { Refusal } from './refusal.js';

export interface Word {
  /** The word as it reads with every character taken literally. */
  readonly text: string;
  /**
   * Where the word has an active wildcard: a pattern for a shell's pathname expansion in which
   * only those wildcards act.
   */
  readonly pattern?: string;
  /** Whether the word starts with a `~` that nothing protects. */
  readonly tilde: boolean;
}

export const maxLength = 64 * 1024; // Characters of a command.
const maxWords = 1000;

/** Throws Refusal for what no rsync client sends, and for what would be read differently than meant. */
export function splitWords(command: string): Word[] {
  checkText(command);
  const words: Word[] = [];
  let word: WordBuilder | undefined;
  let i = 0;
  const take = (): string => command[i++] ?? '';
  while (i < command.length) {
    const character = take();
    if (character === ' ' || character === '\t') {
      if (word !== undefined) words.push(word.done());
      word = undefined;
      continue;
    }
    word ??= newWord();
    switch (character) {
      case '\\':
        // Not the shell's reading for a newline: rsync 3.5.0 means the newline itself.
        if (i === command.length) throw new Refusal('the command ends in a lone backslash');
        word.literal(take());
        break;
      case "'":
        for (let next = take(); next !== "'"; next = take()) {
          if (next === '') throw unclosed("'");
          word.literal(next);
        }
        break;
      case '"':
        for (let next = take(); next !== '"'; next = take()) {
          if (next === '') throw unclosed('"');
          if (next === '$') throw dollar();
          if (next === '\\' && /["\\$`]/.test(command[i] ?? '')) word.literal(take());
          else word.literal(next);
        }
        break;
      case '$':
        throw dollar();
      default:
        word.bare(character);
    }
  }
  if (word !== undefined) words.push(word.done());
  if (words.length > maxWords) throw new Refusal(`the command has more than ${maxWords} words`);
  return words;
}

/**
 * A word that came over standard input (`-s`): `*`, `?` and `[` are wildcards and everything else
 * is literal, which is how an rsync server reads its secluded arguments.
 */
export function secludedWord(text: string): Word {
  checkText(text);
  const word = newWord();
  for (const character of text) word.bare(character);
  return word.done();
}

type WordBuilder = ReturnType<typeof newWord>;

function newWord() {
  let text = '';
  let pattern = '';
  let isWild = false;
  let tilde = false;
  return {
    literal: (character: string): void => {
      text += character;
      pattern += /[*?[]/.test(character) ? `[${character}]` : protect(character);
    },
    bare: (character: string): void => {
      if (text === '' && pattern === '' && character === '~') tilde = true;
      text += character;
      if (/[*?[]/.test(character)) isWild = true;
      pattern += protect(character);
    },
    done: (): Word => (isWild ? { text, pattern, tilde } : { text, tilde }),
  };
}

/** A backslash escapes in a pattern, also inside brackets. */
function protect(character: string): string {
  return character === '\\' ? '\\\\' : character;
}

function checkText(text: string): void {
  if (text.length > maxLength) throw new Refusal('the command is longer than 64 KiB');
  if (text.includes('\0')) throw new Refusal('the command has a NUL character in it');
  // Node puts U+FFFD where bytes are no UTF-8, which would name another file than the one meant.
  if (text.includes('\ufffd')) {
    throw new Refusal('a name in the command is not UTF-8', [
      'send the folder it is in: names inside a folder may have any bytes',
    ]);
  }
}

function unclosed(mark: string): Refusal {
  return new Refusal(`the command has a ${mark} that is not closed`, [
    `for a name with ${mark} in it, write \\${mark} or use rsync -s`,
  ]);
}

function dollar(): Refusal {
  return new Refusal('no shell runs here, so $ is not expanded', [
    'for a name with $ in it, write \\$ or use rsync -s',
  ]);
}
