/** Sizes as people read them: 1G is 2^30 bytes. */
import bytes from 'bytes';

/** `10.5GB`, `0B`. */
export function formatSize(size: number): string {
  return bytes.format(size, { decimalPlaces: 1 }) ?? `${size}B`;
}
