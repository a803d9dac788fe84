/** Are the capped shares' volumes whole, can they be mounted, and is their room really theirs? */
import { statSync } from 'node:fs';
import { PysyncError } from '../../errors.js';
import { quoteAll } from '../../gate/quote.js';
import type { ShareRecord } from '../../volume/registry.js';
import { cappedShares } from '../../volume/registry.js';
import { formatSize } from '../../system/sizes.js';
import { capacityOf } from '../../volume/capacity.js';
import type { Capacity } from '../../volume/capacity.js';
import { backendOf } from '../../volume/backends.js';
import { isMountedFrom } from '../../volume/mount-table.js';
import { requestOf } from '../../volume/mounting.js';
import { mountMethod, mountMethods } from '../../volume/mounts/index.js';
import { openVolume } from '../../volume/open.js';
import { freeOnHost, preallocate } from '../../volume/preallocate.js';
import { requirePlace } from '../../volume/place.js';
import { isBusy, stateOf } from '../../volume/state.js';
import type { VolumeState } from '../../volume/state.js';
import { volumeOf } from '../../volume/volume.js';
import type { Volume } from '../../volume/volume.js';
import type { Check, Finding } from '../check.js';
import { ok, problem, warning } from '../finding.js';

export const volumes: Check = {
  name: 'volumes',
  run: async () => {
    const records = await cappedShares();
    if (records.length === 0) return [couldMount()];
    const found = await Promise.all(records.map(lookAt));
    return [...found.flat(), ...(await promisedRoom(records))];
  },
};

/** Nothing is capped: could it be? */
function couldMount(): Finding {
  if (process.platform !== 'linux') return ok('no share is capped; that works on Linux only');
  const request = { image: '/image', mountPoint: '/share', imageLock: '/image.lock' };
  const ways = mountMethods.map(({ name, obstacle }) => ({ name, reason: obstacle(request) }));
  const good = ways.filter(({ reason }) => reason === undefined).map(({ name }) => name);
  if (good.length > 0) return ok(`no share is capped; one could be, with ${good.join(' or ')}`);
  return warning('no share is capped, and none could be mounted', [
    ...ways.map(({ name, reason = '' }) => `${name}: ${reason}`),
    'sudo apt-get install fuse2fs fuse3',
  ]);
}

async function lookAt(record: ShareRecord): Promise<Finding[]> {
  const volume = volumeOf(record.path, record.volume);
  try {
    requirePlace(volume.share);
    const state = await stateOf(record);
    const found = await judge(record, volume, state);
    if (found.some(({ verdict }) => verdict === 'problem')) return found;
    return [...found, ...(await otherSize(record, volume)), ...obstacle(volume, state)];
  } catch (error) {
    if (!(error instanceof PysyncError)) throw error;
    return [problem(`${record.path}: ${error.message}`, error.hints)];
  }
}

async function judge(record: ShareRecord, volume: Volume, state: VolumeState): Promise<Finding[]> {
  const { path } = record;
  const open = async (): Promise<string> => {
    const notes = await openVolume(record);
    return [`mounted ${path}`, ...notes].join('; ');
  };
  const mount = ['the next transfer puts it right by itself; to have it done now:', 'pysync mount'];
  switch (state) {
    case 'mounted':
      return fullness(volume, await capacityOf(path, volume));
    case 'ready':
    case 'unmounting':
      return (await isCovered(volume))
        ? [
            problem(`${path}: something else is mounted there, and not its volume`, [
              quoteAll(['umount', path]),
            ]),
          ]
        : [ok(`${path}: ${formatSize(volume.size)}, whole; the next transfer mounts it`)];
    case 'stale':
      return [warning(`${path}: the program that served it has died`, mount, open)];
    case 'dirty':
      return [warning(`${path}: it has to be checked before it is used again`, mount, open)];
    case 'absent':
      return [
        problem(`${path}: its disk image is not there, so nobody can send into it`, [
          `put it back as ${volume.image}`,
        ]),
      ];
    case 'failed':
      return [
        problem(
          `${path}: its disk image is damaged, so nobody can send into it`,
          backendOf(volume).rescue(volume.image),
        ),
      ];
    case 'creating':
    case 'migrating':
    case 'resizing':
      return [interrupted(record, volume, state, open)];
  }
}

/** Bytes and files run out apart from each other. */
function fullness({ share, size, mount }: Volume, capacity: Capacity): Finding[] {
  const { usable, free, entries, filesLeft } = capacity;
  const figures = [
    `${formatSize(free)} is free of ${formatSize(usable)} for files`,
    `${entries} files and folders are in it, and ${filesLeft} more fit`,
  ];
  const larger = ['remove some, or give it a larger cap:'];
  const command = quoteAll(['pysync', '--dir', share, '--size', String(2 * size)]);
  const hints = [...figures, ...larger, command];
  if (filesLeft === 0) {
    return [problem(`${share}: it holds as many files as it can, so no more can be sent`, hints)];
  }
  // Less than a small file needs, with the blocks that list it.
  if (free < 2 ** 16) return [problem(`${share}: it is full, so no more can be sent`, hints)];
  const text = `${share}: ${formatSize(size)}, mounted with ${mount}`;
  if (filesLeft < (entries + filesLeft) / 50) {
    return [warning(`${share}: only ${filesLeft} more files fit`, hints)];
  }
  if (free < usable / 50) return [warning(`${share}: only ${formatSize(free)} is free`, hints)];
  return [{ ...ok(text), hints: figures }];
}

async function isCovered(volume: Volume): Promise<boolean> {
  return (await isMountedFrom(volume.share, volume.image)) === 'other';
}

function interrupted(
  { path }: ShareRecord,
  volume: Volume,
  state: VolumeState,
  fix: () => Promise<string>,
): Finding {
  if (isBusy(volume)) {
    return warning(`${path}: it is ${state} now, and cannot be sent into until that has ended`);
  }
  return warning(
    `${path}: pysync was stopped while it was ${state}`,
    ['the next transfer puts it right by itself; to have it done now:', 'pysync mount'],
    fix,
  );
}

/** The cap is what the file system spans. */
async function otherSize({ path }: ShareRecord, volume: Volume): Promise<Finding[]> {
  const backend = backendOf(volume);
  const size = await backend.span(volume.image);
  if (size <= volume.size && volume.size - size < backend.granularity) return [];
  const texts = [formatSize(size), formatSize(volume.size)];
  return [
    problem(`${path}: its file system has ${texts[0] ?? ''}, and its cap is ${texts[1] ?? ''}`, [
      quoteAll(['pysync', '--dir', path, '--size', String(volume.size)]),
    ]),
  ];
}

/** Why the next transfer could not mount it. */
function obstacle(volume: Volume, state: VolumeState): Finding[] {
  if (state === 'mounted') return [];
  const reason = mountMethod(volume.mount).obstacle(requestOf(volume));
  if (reason === undefined) return [];
  return [problem(`${volume.share}: it cannot be mounted with ${volume.mount}: ${reason}`)];
}

/**
 * Images have all their blocks from the start, so that a full disk never breaks a volume. One that
 * was copied or restored may have holes instead.
 */
async function promisedRoom(records: readonly ShareRecord[]): Promise<Finding[]> {
  const lacking = records
    .filter(({ pending }) => pending === undefined)
    .map(({ path, volume }) => volumeOf(path, volume))
    .flatMap((volume) => {
      const stats = statSync(volume.image, { throwIfNoEntry: false });
      // One that is shorter was cut off, and must stay as it is.
      if (stats === undefined || stats.size < volume.size) return [];
      return [{ volume, missing: volume.size - stats.blocks * 512 }];
    })
    .filter(({ volume, missing }) => missing > volume.size / 100);
  return Promise.all(
    lacking.map(async ({ volume, missing }) => {
      const free = await freeOnHost(volume.image);
      const what = `${volume.share}: ${formatSize(missing)} of its image are not on the disk yet`;
      if (free < missing) {
        const text = `${what}, which has only ${formatSize(free)} left`;
        return problem(text, ['free some space, then: pysync doctor --fix']);
      }
      return warning(what, ['to take the room now:', 'pysync doctor --fix'], async () => {
        await preallocate(volume.image, volume.size);
        return `took ${formatSize(missing)} of the disk for ${volume.share}`;
      });
    }),
  );
}
