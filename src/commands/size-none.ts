/** `--size none`: takes a share's cap away, or gives up what was in a volume that is lost. */
import { PysyncError } from '../errors.js';
import type { ShareRecord } from '../volume/registry.js';
import { shareRecord } from '../volume/registry.js';
import { whenInterrupted } from '../system/interrupt.js';
import { printable } from '../system/text.js';
import type { CreateOptions } from '../volume/create.js';
import { removeImage } from '../volume/image-folder.js';
import { forgetKernelMount } from '../volume/kernel-mount.js';
import { forgetVolume, isLost } from '../volume/remove.js';
import { uncapVolume } from '../volume/uncap.js';
import { volumeOf } from '../volume/volume.js';
import type { SizeReport } from './views/size-report.js';

/** Whether the owner says yes. */
export type Ask = (question: string) => Promise<boolean>;

/** Where it fails the share keeps its cap. */
export async function uncap(
  share: string,
  settings: CreateOptions,
  mayRemove: Ask,
): Promise<SizeReport> {
  const record = await shareRecord(share);
  if (record === undefined) return { share, size: null, notes: [] };
  if (await isLost(record)) return giveUp(record, mayRemove);
  const uncapped = await uncapVolume(record, settings);
  const { image } = uncapped;
  const kept = image === undefined ? '' : `; its disk image may still be ${printable(image)}`;
  whenInterrupted(`${printable(share)} has no size cap any more${kept}`);
  const notes = [...uncapped.notes];
  if (record.leftover !== undefined) {
    notes.push(`files from when the share was capped are still kept in ${record.leftover}`);
  }
  const useless = await forgetKernelMount(record, (line) =>
    mayRemove(`This line of /etc/fstab is of no use any more:\n  ${line}\nRemove it?`),
  );
  if (useless !== undefined) notes.push(useless);
  if (image === undefined) return { share, size: null, notes };
  const question = `The files are out of the volume, compared by checksum. Remove its image ${printable(image)}?`;
  if (!(await mayRemove(question))) return { share, size: null, kept: image, notes };
  removeImage(image);
  return { share, size: null, notes };
}

/** The image is gone: there is nothing left to move out, and only its owner can say that it is so. */
async function giveUp(record: ShareRecord, mayForget: Ask): Promise<SizeReport> {
  const share = record.path;
  const { image } = volumeOf(share, record.volume);
  const [name, place] = [printable(share), printable(image)];
  whenInterrupted(`nothing was changed; ${name} keeps its cap`);
  const question = `The disk image of ${name} is not there: ${place}
If its disk is only not mounted, mount that instead. Otherwise what was in the share is lost.
Give it up, and make ${name} an ordinary folder?`;
  if (!(await mayForget(question))) {
    throw new PysyncError('VOLUME_MISSING', `the disk image of ${name} is not there`, {
      hints: [`put it back as ${place}`, 'or give up what was in it: the same command with --yes'],
    });
  }
  await forgetVolume(record);
  const notes = [`what was in the share is lost: its disk image was not there (${place})`];
  const { leftover } = record;
  if (leftover !== undefined) notes.push(`files from when it was capped are still in ${leftover}`);
  const useless = await forgetKernelMount(record, () => Promise.resolve(true));
  if (useless !== undefined) notes.push(useless);
  return { share, size: null, notes };
}
