/** Sizes as people write and read them: 1G is 2^30 bytes. */
import bytes from 'bytes';
import { PysyncError } from '../errors.js';

/** `10.5GB`, `0B`. */
export function formatSize(size: number): string {
  return bytes.format(size, { decimalPlaces: 1 }) ?? `${size}B`;
}

/**
 * Bytes of `10G`, `10GB`, `10 GiB`, `500m`, `1.5TB` or a plain number. Throws PysyncError `USAGE`
 * for all else: bytes itself reads nonsense as far as it can.
 */
export function parseSize(text: string): number {
  const [, count = '', unit = ''] = /^(\d+(?:\.\d+)?)\s*([kmgtp]?)i?b?$/i.exec(text.trim()) ?? [];
  const size = count === '' ? null : bytes.parse(`${count}${unit}b`);
  if (size !== null && Number.isSafeInteger(size) && size > 0) return size;
  const isNegative = text.trim().startsWith('-');
  const why = isNegative || size === 0 ? 'has to be more than nothing' : 'is not a size';
  throw new PysyncError('USAGE', `'${text}' ${why}`, {
    exitStatus: 2,
    hints: ['write it as 10G, 500M, 1.5TB, or in bytes; none takes the cap away'],
  });
}
