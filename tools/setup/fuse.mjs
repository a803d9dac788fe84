/**
 * /dev/fuse, which udev opens to everybody. Where none runs, as in a container, it is root's alone,
 * and no ordinary user can mount anything.
 */
import { chmodSync, statSync } from 'node:fs';

/** Opens it, as far as we may. */
export function openFuseDevice({ say }) {
  const path = '/dev/fuse';
  const mode = statSync(path, { throwIfNoEntry: false })?.mode;
  if (mode === undefined || (mode & 0o666) === 0o666 || process.getuid?.() !== 0) return;
  try {
    chmodSync(path, 0o666);
    say(`${path} opened to everybody, as udev does it`);
  } catch (error) {
    say(`${path} is root's alone: ${error.message}`);
  }
}
