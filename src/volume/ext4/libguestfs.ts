/**
 * The engine of choice: guestfish makes the file system inside its appliance, a small virtual
 * machine, in one launch. It takes about half a minute, most of it to boot.
 */
import { PysyncError } from '../../errors.js';
import { makeTemporaryFolder } from '../../system/temporary.js';
import type { CreateRequest } from '../backend.js';
import { runOnImage } from '../image-lock.js';
import { kvmObstacle } from '../kvm.js';
import { diagnose } from './diagnose.js';
import type { Diagnosis } from './diagnose.js';
import { blockSize, layoutFor, reservedBlocks } from './layout.js';
import { dropChecksums } from './make.js';

/** What libguestfs and supermin read, where the owner has set it. */
const passedOn = [
  'HOME',
  'LIBGUESTFS_CACHEDIR',
  'LIBGUESTFS_HV',
  'LIBGUESTFS_MEMSIZE',
  'LIBGUESTFS_PATH',
  'SUPERMIN_KERNEL',
  'SUPERMIN_KERNEL_VERSION',
  'SUPERMIN_MODULES',
];

/** Milliseconds. */
export interface Limits {
  /** For one launch: past it, it hangs, as qemu does where the disk fills up. */
  readonly total: number;
  /** For a launch with KVM to say nothing: under a broken one qemu hangs. */
  readonly silent: number;
}

/**
 * Fills `request.image`. Measured: 24-29 s without KVM, at any size, and 17 s more at the first
 * launch of a user. Throws PysyncError `ENGINE_…`, `DISK_FULL`, `IMAGE_BUSY`.
 */
export async function makeWithGuestfish(
  request: CreateRequest,
  limits: Limits = { total: 180_000, silent: 20_000 },
): Promise<void> {
  const mayUseKvm = kvmObstacle() === undefined;
  request.onProgress('starting libguestfs');
  let failure = await launch(request, limits, mayUseKvm);
  if (mayUseKvm && failure?.isKvmBroken === true) {
    request.onProgress('starting libguestfs again, without KVM');
    failure = await launch(request, limits, false);
  }
  if (failure !== undefined) {
    const { code, sentence, hints, cause } = failure;
    throw new PysyncError(code, sentence, { hints, cause });
  }
  // guestfish has no words for it.
  await dropChecksums(request.image);
}

/** One launch: what went wrong, or undefined. */
async function launch(
  request: CreateRequest,
  limits: Limits,
  useKvm: boolean,
): Promise<(Diagnosis & { readonly cause: unknown }) | undefined> {
  let stage = '';
  const temporary = makeTemporaryFolder();
  try {
    const words = guestfishArguments(request);
    const { exitCode, stderr } = await runOnImage(request.image, 'guestfish', words, {
      endsWithPysync: true,
      purpose: 'make the file system with libguestfs',
      timeoutMs: limits.total,
      ...(useKvm ? { silentMs: limits.silent } : {}),
      expectExit: [0, 1],
      env: { ...environment(useKvm), TMPDIR: temporary.path },
      onLine: (line) => {
        unfinishedAppliance(line).forEach(temporary.alsoRemove);
        const now = stageOf(line);
        if (now === undefined || now === stage) return;
        stage = now;
        request.onProgress(now);
      },
    });
    return exitCode === 0 ? undefined : { ...diagnose(stderr, 'exit 1'), cause: stderr };
  } catch (error) {
    const code = error instanceof PysyncError ? error.code : '';
    if (code === 'TOOL_MISSING') return { ...diagnose('', 'not installed'), cause: error };
    if (code === 'TOOL_TIMED_OUT') return { ...diagnose('', 'timed out'), cause: error };
    throw error;
  } finally {
    temporary.remove();
  }
}

/**
 * The folder that supermin builds an appliance in, and renames once that is whole. After one that was
 * killed it would be left, with up to 0.7 GB.
 */
function unfinishedAppliance(line: string): readonly string[] {
  const sign =
    /^supermin: ext2: creating empty ext2 filesystem '(\/.*\/\.guestfs-\d+\/appliance\.d\.\w+)\/root'$/;
  const folder = sign.exec(line)?.[1];
  return folder === undefined ? [] : [folder];
}

function environment(useKvm: boolean): Record<string, string> {
  const result: Record<string, string> = {
    LIBGUESTFS_BACKEND: 'direct',
    // Without it a broken KVM, a lock and a crash look the same.
    LIBGUESTFS_DEBUG: '1',
  };
  if (!useKvm) result['LIBGUESTFS_BACKEND_SETTINGS'] = 'force_tcg';
  for (const name of passedOn) {
    const value = process.env[name];
    if (value !== undefined) result[name] = value;
  }
  return result;
}

/** The commands are words, separated by `:`, and no script: there a path would have to be quoted. */
export function guestfishArguments({ image, size, uid, gid }: CreateRequest): readonly string[] {
  const { bytesPerInode, journalMebibytes, growthBlocks } = layoutFor(size);
  const shape = [
    'fstype:ext4',
    `blocksize:${blockSize}`,
    `bytesperinode:${bytesPerInode}`,
    `journalsize:${journalMebibytes}`,
    `maxonlineresize:${growthBlocks}`,
    'reservedblockspercentage:0',
    'label:pysync',
    'forcecreate:true',
    'lazyitableinit:true',
    'lazyjournalinit:true',
    'discard:false',
  ];
  const commands = [
    ['disk-create', image, 'raw', String(size), 'preallocation:full'],
    ['add', image, 'format:raw'],
    ['run'],
    ['mke2fs', '/dev/sda', ...shape],
    ['tune2fs', '/dev/sda', `reservedblockscount:${reservedBlocks}`],
    ['mount', '/dev/sda', '/'],
    ['rmdir', '/lost+found'],
    ['chown', String(uid), String(gid), '/'],
    ['chmod', '0700', '/'],
    ['umount-all'],
    ['shutdown'],
  ];
  return commands.flatMap((command, i) => (i === 0 ? command : [':', ...command]));
}

/** What a line of libguestfs's debug output says about how far it is. */
function stageOf(line: string): string | undefined {
  if (line.startsWith('supermin: ext2: creating')) return 'building the appliance, once';
  if (/^libguestfs: (?:finished building supermin|begin testing qemu)/.test(line)) {
    return 'starting the appliance';
  }
  return line.startsWith('libguestfs: appliance is up') ? 'making the file system' : undefined;
}
