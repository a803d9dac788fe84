/** Having an ordinary user's volume mounted by the kernel, through one line in /etc/fstab. */
import { PysyncError } from '../errors.js';
import type { ShareRecord } from './registry.js';
import { writeShareRecord } from './registry.js';
import { withLock } from '../system/locks.js';
import { mountNow, requestOf, unmountNow } from './mounting.js';
import { addFstabLine, fstabLine, mountMethod, removeFstabLine } from './mounts/index.js';
import { volumeOf } from './volume.js';

/**
 * Mounts the volume of `record` by the kernel from now on. `mayAdd` is shown the line that is to
 * be added to /etc/fstab, which takes root or sudo. Throws PysyncError `KERNEL_MOUNT_REFUSED`,
 * `FSTAB_FAILED`, `SHARE_IN_USE`; the volume is mounted as before then.
 */
export async function useKernelMount(
  record: ShareRecord,
  waitMs: number,
  mayAdd: (line: string) => Promise<boolean>,
): Promise<ShareRecord> {
  if (record.volume.mount === 'loop') return record;
  const volume = volumeOf(record.path, record.volume);
  const loop = mountMethod('loop');
  const line = fstabLine(requestOf(volume));
  const instead = `the share has its cap, and is mounted with ${volume.mount}`;
  if (loop.obstacle(requestOf(volume)) !== undefined) {
    if (!(await mayAdd(line))) {
      throw new PysyncError('KERNEL_MOUNT_REFUSED', 'the line was not added to /etc/fstab', {
        hints: [
          'add --yes to have it added without being asked, or add it by hand as root:',
          line,
          instead,
        ],
      });
    }
    await addFstabLine(line).catch((error: unknown) => {
      if (!(error instanceof PysyncError)) throw error;
      const { code, message, hints, cause } = error;
      throw new PysyncError(code, message, { hints: [...hints, instead], cause });
    });
  }
  const changed: ShareRecord = { ...record, volume: { ...record.volume, mount: 'loop' } };
  await withLock(volume.operationLock, async () => {
    await unmountNow(volume, waitMs);
    try {
      await mountNow(changed, []);
      await writeShareRecord(record.path, changed);
    } catch (error) {
      await mountNow(record, []);
      throw error;
    }
  });
  return changed;
}

/**
 * Removes the line of a volume that is gone from /etc/fstab; `mayRemove` is shown it. Returns a
 * sentence where it stays.
 */
export async function forgetKernelMount(
  record: ShareRecord,
  mayRemove: (line: string) => Promise<boolean>,
): Promise<string | undefined> {
  if (record.volume.mount !== 'loop' || process.geteuid?.() === 0) return undefined;
  const line = fstabLine(requestOf(volumeOf(record.path, record.volume)));
  if (await mayRemove(line)) {
    await removeFstabLine(line);
    return undefined;
  }
  return `this line in /etc/fstab is no longer needed: ${line}`;
}
