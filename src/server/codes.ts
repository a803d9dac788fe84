/** A one-time code in place of a key: two words and four digits. */
import { createHash, randomInt, timingSafeEqual } from 'node:crypto';
import { words } from './words.js';

/** Milliseconds for which a code is good. */
const codeMs = 10 * 60_000;

/** Wrong answers, from whomever, after which a code is good for nobody. */
const mostWrong = 5;

export interface Code {
  /** As the owner reads it out: `apple-river-4821`. */
  readonly text: string;
  readonly expires: Date;
  /** Takes it once; `over`: it was used, has been guessed at too often, or is too old. */
  readonly take: (answer: string, now: Date) => 'right' | 'wrong' | 'over';
}

export function makeCode(now: Date): Code {
  const word = (): string => words[randomInt(words.length)] ?? '';
  const text = `${word()}-${word()}-${String(randomInt(10_000)).padStart(4, '0')}`;
  const expires = new Date(now.getTime() + codeMs);
  let wrong = 0;
  let isUsed = false;
  return {
    text,
    expires,
    take: (answer, time) => {
      if (isUsed || wrong >= mostWrong || time >= expires) return 'over';
      if (isSame(normal(answer), normal(text))) {
        isUsed = true;
        return 'right';
      }
      wrong += 1;
      return 'wrong';
    },
  };
}

/** Without what people add or leave out as they type. */
function normal(text: string): string {
  return text.toLowerCase().replaceAll(/[^a-z0-9]/g, '');
}

function isSame(one: string, other: string): boolean {
  const digest = (text: string): Buffer => createHash('sha256').update(text).digest();
  return timingSafeEqual(digest(one), digest(other));
}
