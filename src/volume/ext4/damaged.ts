/** Telling that an image is damaged, and how what is in it can be rescued. */
import { PysyncError } from '../../errors.js';
import { quoteAll } from '../../gate/quote.js';
import { printable } from '../../system/text.js';

/** A PysyncError `VOLUME_DAMAGED`, to be thrown. */
export function damaged(image: string, what: string): PysyncError {
  return new PysyncError('VOLUME_DAMAGED', `the disk image ${printable(image)} ${what}`, {
    hints: rescue(image),
  });
}

/** `rescue` of the contract. */
export function rescue(image: string): readonly string[] {
  const copy = `${image}.copy`;
  const command = (...words: string[]): string => printable(quoteAll(words));
  return [
    `it is kept as ${printable(image)}, and nobody can send into its share until it is fixed`,
    `to rescue what is in it, work on a copy: ${command('cp', image, copy)}`,
    `then: ${command('e2fsck', '-fy', copy)}`,
    `and: ${command('debugfs', '-R', 'rdump / FOLDER', copy)}`,
  ];
}
