/**
 * The shares that have a cap, in `shares.json`. A share without one needs no record: the keys' lines
 * say where it is.
 */
import { existsSync, mkdirSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { PysyncError } from '../errors.js';
import { dataFolder } from '../system/folders.js';
import { readIfThere } from '../system/snapshot.js';
import type { VolumeRecord } from './volume.js';

/**
 * An operation that was begun on a volume. It is written before the first step and removed with
 * the last one; what is found at the next start says whether to finish or to undo (recover.ts).
 */
type Pending =
  | { readonly step: 'create' }
  | { readonly step: 'grow' | 'shrink'; readonly size: number }
  /** `verified`: the copy is whole, and only the names have to be changed. */
  | { readonly step: 'uncap'; readonly verified: boolean };

export interface ShareRecord {
  /** The share's directory. */
  readonly path: string;
  readonly volume: VolumeRecord;
  readonly pending?: Pending;
  /** What a finished move left behind, kept until the owner removes it. */
  readonly leftover?: string;
}

interface Registry {
  readonly version: number;
  readonly shares: readonly ShareRecord[];
  /** Images of shares that have no cap any more, which their owners may still remove. */
  readonly keptImages?: readonly string[];
}

function registryPath(): string {
  return join(dataFolder(), 'shares.json');
}

/** Every capped share. Throws PysyncError `REGISTRY_DAMAGED`. */
export async function cappedShares(): Promise<readonly ShareRecord[]> {
  return parse(await readIfThere(registryPath())).shares;
}

/** The record of the share at `path`, or undefined where it has no cap. */
export async function shareRecord(path: string): Promise<ShareRecord | undefined> {
  return (await cappedShares()).find((share) => share.path === path);
}

/** The images that shares have left behind, as they were noted; they may be gone by now. */
export async function keptImages(): Promise<readonly string[]> {
  return parse(await readIfThere(registryPath())).keptImages ?? [];
}

/** Writes the record of one share; undefined takes it out, and `kept` is the image that it leaves. */
export async function writeShareRecord(
  path: string,
  record: ShareRecord | undefined,
  kept?: string,
): Promise<void> {
  mkdirSync(dataFolder(), { recursive: true, mode: 0o700 });
  // Loaded only here: most who load this file read.
  const { replaceFile } = await import('../system/files.js');
  await replaceFile(registryPath(), (content) => {
    const before = parse(content);
    const others = before.shares.filter((share) => share.path !== path);
    const shares = record === undefined ? others : [...others, record];
    // One whose folder is gone as well may be on a disk that is not there now.
    const images = (before.keptImages ?? []).filter(
      (image) => existsSync(image) || !existsSync(dirname(image)),
    );
    const keptImages = [...new Set(kept === undefined ? images : [...images, kept])];
    const registry: Registry = {
      version: 1,
      shares,
      ...(keptImages.length === 0 ? {} : { keptImages }),
    };
    return Buffer.from(`${JSON.stringify(registry, undefined, 2)}\n`);
  });
}

function parse(content: Buffer | undefined): Registry {
  if (content === undefined) return { version: 1, shares: [] };
  try {
    const registry = JSON.parse(content.toString('utf8')) as Registry;
    if (registry.version === 1 && Array.isArray(registry.shares)) return registry;
  } catch {
    // Told below.
  }
  throw new PysyncError('REGISTRY_DAMAGED', `${registryPath()} cannot be read`, {
    hints: [
      'put back a copy of it: it says which shares have a size cap, and where their images are',
    ],
  });
}
