/** A share as `pysync status` shows it: how much is in it, and the state of its cap. */
import { basename, dirname, join } from 'node:path';
import { PysyncError } from '../../errors.js';
import type { KeptParts } from '../../staging/parts.js';
import { placeFault, placeFaults } from '../../ready/place.js';
import type { PlaceFault } from '../../ready/place.js';
import type { OurKey } from '../../keys/authorized-keys.js';
import { quoteAll } from '../../gate/quote.js';
import type { ShareRecord } from '../../volume/registry.js';
import { usageOf } from '../../share/usage.js';
import type { Usage } from '../../share/usage.js';
import { stateFolder } from '../../system/folders.js';
import { namesIn } from '../../system/readable.js';
import { formatSize } from '../../system/sizes.js';
import { counted, printable } from '../../system/text.js';
import { localTime } from './describe.js';
import type { Capacity } from '../../volume/capacity.js';
import type { KeptImage } from '../../volume/kept.js';
import type { VolumeState } from '../../volume/state.js';
import { volumeOf } from '../../volume/volume.js';

export interface ShareView {
  readonly path: string;
  readonly keys: readonly OurKey[];
  /** Why nobody is served there: it is not the folder that was shared. */
  readonly fault?: PlaceFault;
  /** What to do about it. */
  readonly remedy?: string;
  /** Of a share that is there, and where it has a cap, mounted. */
  readonly usage?: Usage;
  readonly volume?: VolumeView;
  /** Parts of interrupted transfers, which count as no file. */
  readonly parts?: readonly KeptParts[];
}

interface VolumeView {
  readonly record: ShareRecord;
  readonly state: VolumeState;
  /** Of a mounted one. */
  readonly capacity?: Capacity;
  /** What was put right, what is wrong, and files that wait for the owner. */
  readonly notes: readonly string[];
}

/** Looks at a share; a capped one is mounted first, where that can be done. */
export async function viewShare(
  path: string,
  keys: readonly OurKey[],
  record: ShareRecord | undefined,
): Promise<ShareView> {
  // What no key is for yet has not been shared as what it is, and a volume's mount point is made.
  const isNew = keys.length === 0 && record === undefined;
  const found = isNew ? undefined : placeFault(path);
  const fault = found === 'missing' && record !== undefined ? undefined : found;
  const trouble = fault === undefined ? {} : { fault, remedy: await remedyFor(path, fault) };
  if (fault !== undefined && record === undefined) return { path, keys, ...trouble };
  // That of a capped share is not mounted there; what to do is among its notes.
  const volume = record === undefined ? undefined : await viewVolume(record);
  const isThere = volume === undefined || volume.capacity !== undefined;
  const usage = isThere ? await usageOf(path) : undefined;
  const parts = isThere ? await partsIn(path) : [];
  return {
    path,
    keys,
    parts,
    ...trouble,
    ...(volume === undefined ? {} : { volume }),
    ...(usage === undefined ? {} : { usage }),
  };
}

async function partsIn(share: string): Promise<readonly KeptParts[]> {
  // Loaded only where some are noted.
  if (namesIn(join(stateFolder(), 'parts')).length === 0) return [];
  const { keptParts } = await import('../../staging/parts.js');
  return keptParts(stateFolder(), share);
}

async function remedyFor(path: string, fault: PlaceFault): Promise<string> {
  const { placeRemedy } = await import('../../share/share.js');
  return placeRemedy(path, fault);
}

async function viewVolume(record: ShareRecord): Promise<VolumeView> {
  // Loaded only where there is a capped share, and what mounts it only where it is not mounted.
  const { isOpen } = await import('../../volume/is-open.js');
  const notes = [...waiting(record)];
  const isUsual = await isOpen(record).catch(() => false);
  const state = isUsual ? 'mounted' : await open(record, notes);
  if (state !== 'mounted') return { record, state, notes };
  const { capacityOf } = await import('../../volume/capacity.js');
  const capacity = await capacityOf(record.path, record.volume);
  if (capacity.filesLeft === 0) {
    const what = `it holds ${capacity.entries} files and folders, as many as it can`;
    notes.push(`no more files fit, though bytes are free: ${what}`);
  }
  return { record, state, notes, capacity };
}

/** Mounts a volume where that can be done, and adds to `notes` what came of it. */
async function open(record: ShareRecord, notes: string[]): Promise<VolumeState> {
  const { openVolume } = await import('../../volume/open.js');
  const { stateOf } = await import('../../volume/state.js');
  try {
    notes.push(...(await openVolume(record)));
  } catch (error) {
    if (!(error instanceof PysyncError)) throw error;
    notes.push(`nobody can send into it: ${error.message}`, ...error.hints);
  }
  // A mount that hangs cannot be looked into; for its owner it is as good as dead.
  return stateOf(record).catch(() => 'stale' as const);
}

/** Files beside the share that an earlier operation left for the owner. */
function waiting({ path, leftover }: ShareRecord): string[] {
  const found = namesIn(dirname(path))
    .filter((name) => name.startsWith(`${basename(path)}.found-`))
    .map((name) => `files that lay under the mount point are in ${join(dirname(path), name)}`);
  if (leftover === undefined) return found;
  return [`the originals of files that were moved in are kept in ${leftover}`, ...found];
}

/** The line behind the share's path. */
export function describeShare({ keys, fault, remedy, usage, volume }: ShareView): string {
  if (fault !== undefined) {
    return `${placeFaults[fault]}, so nobody can send: ${printable(remedy ?? '')}`;
  }
  if (volume !== undefined) return describeVolume(volume, usage);
  if (usage === undefined) {
    return keys.length === 0 ? 'not made yet' : 'cannot be looked into, so nobody can send';
  }
  const { bytes, complete, free } = usage;
  const sum = `${complete ? '' : 'over '}${formatSize(bytes)}`;
  return `${sum} in ${count(usage)}, no size cap, ${formatSize(free)} free on this disk`;
}

function count({ files, complete }: Usage): string {
  return `${complete ? '' : 'over '}${counted(files, 'file')}`;
}

function describeVolume({ record, state, capacity }: VolumeView, usage: Usage | undefined): string {
  const { size, engine, mount } = record.volume;
  const cap = `capped at ${formatSize(size)}`;
  if (capacity === undefined) return `${cap}, ${state}`;
  const { used, free, filesLeft } = capacity;
  const inFiles = usage === undefined ? '' : ` in ${count(usage)}`;
  const how = `${state} with ${mount}, made with ${engine}`;
  const room = `room for ${counted(filesLeft, 'more file')}`;
  return `${cap}: ${formatSize(used)} used${inFiles}, ${formatSize(free)} free (${how}), ${room}`;
}

/** What belongs below that line. */
export function shareNotes({ path, volume, parts = [] }: ShareView): readonly string[] {
  const kept = parts.map(describeParts);
  if (volume === undefined) return kept;
  const { folder } = volume.record.volume;
  const { image } = volumeOf(path, volume.record.volume);
  const place = folder === undefined ? [] : [`its disk image is ${image}`];
  return [...place, ...volume.notes, ...kept].map(printable);
}

function describeParts({ peer, bytes, until }: KeptParts): string {
  const day = localTime(until).slice(0, 10);
  return `parts of an interrupted transfer of ${peer}, ${formatSize(bytes)}, are kept until ${day}`;
}

/** Images that no share uses: a line for each, and how they go. */
export function describeKept(kept: readonly KeptImage[]): readonly string[] {
  return kept.flatMap(({ path, size }) => [
    `Kept: the disk image of a share that has no cap any more (${formatSize(size)}); files may still be in it.`,
    `    when nobody needs it: ${printable(quoteAll(['rm', path]))}`,
  ]);
}

/** For `--json`; the keys are the caller's. */
export function shareAsJson({ path, fault, usage, volume }: ShareView): object {
  const problem = fault === undefined ? null : placeFaults[fault];
  if (volume === undefined) return { path, problem, usage: usage ?? null, volume: null };
  const { record, state, capacity, notes } = volume;
  const { size, engine, mount } = record.volume;
  const counted = usage === undefined ? {} : { files: usage.files, complete: usage.complete };
  const figures = { ...capacity, ...counted };
  const { image } = volumeOf(path, record.volume);
  return {
    path,
    problem,
    usage: null,
    volume: { size, state, engine, mount, image, ...figures, notes },
  };
}
