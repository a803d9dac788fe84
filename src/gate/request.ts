/**
 * Reads the words of a server command: `rsync --server [--sender] OPTION… . [PATH…]`. What comes back
 * holds no option that was not looked up in the tables of options.ts: nothing is passed through.
 */
import { longOptions, refusedOptions, shortOptions, shortValues } from './options.js';
import type { Effect, Value } from './options.js';
import { Refusal } from './refusal.js';
import { splitWords } from './words.js';
import type { Word } from './words.js';

export interface Option {
  /** As rsync gets it, without its value: `--link-dest`, `-B`, `-vlogDtpre.iLsfxCIvu`. */
  readonly flag: string;
  readonly effects: readonly Effect[];
  readonly argument?: { readonly text: string; readonly type: Value };
}

export interface Request {
  /** A pull: the server sends. */
  readonly sender: boolean;
  /** `-s`: more words come over standard input, and these are not yet all. */
  readonly secluded: boolean;
  readonly options: readonly Option[];
  readonly paths: readonly Word[];
}

/** What a session gets that does not ask for rsync at all: a shell, `scp`, `sftp`. */
export class NotRsync extends Error {}

/** Reads the text in `SSH_ORIGINAL_COMMAND`. Throws NotRsync, and Refusal. */
export function readCommand(command: string): Request {
  if (!/^\S*rsync\s/.test(command)) throw new NotRsync();
  const words = splitWords(command);
  const isRsync = words[0]?.text.split('/').at(-1) === 'rsync';
  if (!isRsync || words[1]?.text !== '--server') throw new NotRsync();
  return readRequest(words);
}

/** Throws Refusal for an option that is not in the tables and for what has not the one known shape. */
function readRequest(words: readonly Word[]): Request {
  const sender = words[2]?.text === '--sender';
  const rest = words.slice(sender ? 3 : 2);
  const { options, secluded, end } = readOptions(rest.map((word) => word.text));
  if (end < rest.length && rest[end]?.text !== '.') {
    throw new Refusal(`'${rest[end]?.text ?? ''}' is where an option belongs`, [
      'a name with a space in it needs a backslash before the space, or rsync -s',
    ]);
  }
  if (end === rest.length && !secluded)
    throw new Refusal('the command has no "." behind its options');
  if (secluded && end < rest.length) {
    throw new Refusal('words follow where all of them should come over standard input (-s)');
  }
  return { sender, secluded, options, paths: rest.slice(end + 1) };
}

/** The request with the words that came over standard input, `rsync` the first of them. */
export function withSecludedWords(request: Request, words: readonly Word[]): Request {
  if (words[0]?.text !== 'rsync') {
    throw new Refusal('the words over standard input (-s) do not start with rsync');
  }
  const head = [words[0], { text: '--server', tilde: false }];
  const more = readRequest([...head, ...words.slice(1)]);
  if (more.secluded || more.sender) {
    throw new Refusal('the words over standard input (-s) ask for -s or --sender again');
  }
  const options = [...request.options, ...more.options];
  // The words would be converted behind the check: wide full stops and slashes become `../`.
  for (const { flag, argument } of options) {
    if (flag === '--iconv' && !/^(?:\.|utf-?8|-)$/i.test(argument?.text ?? '')) {
      throw new Refusal('-s and --iconv do not go together here', ['leave out one of them']);
    }
  }
  return { ...more, sender: request.sender, secluded: false, options };
}

/** Reads words up to the first that is not an option; `end` is how many. */
function readOptions(
  words: readonly string[],
): Omit<Request, 'sender' | 'paths'> & { end: number } {
  let next = 0;
  let secluded = false;
  const valueOf = (
    flag: string,
    joined: string | undefined,
    type: Value,
    effect?: Effect,
  ): Option => {
    const text = joined ?? words[next++];
    if (text === undefined) throw new Refusal(`${flag} has no value`);
    if (type.kind === 'text' && !type.form.test(text)) {
      throw new Refusal(`${flag} has a value that is not understood: '${text}'`);
    }
    return { flag, effects: effect === undefined ? [] : [effect], argument: { text, type } };
  };

  const readLong = (word: string): Option[] => {
    const [, name = '', joined] = /^--([^=]*)(?:=(.*))?$/s.exec(word) ?? [];
    const known = longOptions.get(name);
    if (known === undefined || (known.value === undefined && joined !== undefined)) {
      throw notAllowed(`--${name}`, name);
    }
    if (known.drop === true) return [];
    const { value, effect } = known;
    if (value !== undefined) return [valueOf(`--${name}`, joined, value, effect)];
    return [{ flag: `--${name}`, effects: effect === undefined ? [] : [effect] }];
  };

  const readShort = (word: string): Option[] => {
    const found: Option[] = [];
    const effects: Effect[] = [];
    let letters = '';
    for (let i = 1; i < word.length; i += 1) {
      const letter = word[i] ?? '';
      const remainder = word.slice(i + 1);
      if (letter === 'e') {
        // The client's version and features; on a server it is no remote shell.
        if (!/^[0-9]*\.?[A-Za-z]*$/.test(remainder)) throw notAllowed('-e', 'e');
        letters += `e${remainder}`;
        break;
      }
      if (letter === 's') {
        secluded = true;
        continue;
      }
      const { value, effect: means } = shortValues.get(letter) ?? {};
      if (value !== undefined) {
        found.push(valueOf(`-${letter}`, remainder === '' ? undefined : remainder, value, means));
        break;
      }
      if (!shortOptions.has(letter)) throw notAllowed(`-${letter}`, letter);
      const effect = shortOptions.get(letter);
      // On its own, since it alone never reaches rsync as it is.
      if (effect === 'backup') {
        found.push({ flag: '-b', effects: [effect] });
        continue;
      }
      if (effect !== undefined) effects.push(effect);
      letters += letter;
    }
    return letters === '' ? found : [{ flag: `-${letters}`, effects }, ...found];
  };

  const options: Option[] = [];
  for (let word = words[0]; word !== undefined && /^-./s.test(word); word = words[next]) {
    next += 1;
    options.push(...(word.startsWith('--') ? readLong(word) : readShort(word)));
  }
  return { options, secluded, end: next };
}

function notAllowed(spelled: string, name: string): Refusal {
  const reason = refusedOptions.get(name);
  const shown = spelled.slice(0, 40);
  if (reason !== undefined) return new Refusal(`${shown} is not allowed: ${reason}`);
  return new Refusal(`the option ${shown} is not allowed with this key`, [
    'leave it out; the usual ones, such as -avzP, work',
  ]);
}
