/** What an image says about its ext4, as dumpe2fs(8) prints it. */
import { PysyncError } from '../../errors.js';
import { run } from '../../system/run.js';
import { printable } from '../../system/text.js';
import type { FileSystemState } from '../backend.js';
import { damaged } from './damaged.js';
import { blockSize } from './layout.js';

/** What `dumpe2fs -h` says, or undefined where the image holds no ext4. */
export async function readHeader(image: string): Promise<string | undefined> {
  // It ends with an error number cut to a byte.
  const options = { purpose: 'read the volume', expectExit: 'any' } as const;
  const { exitCode, stdout, stderr } = await run('dumpe2fs', ['-h', image], options);
  if (stderr.includes('Permission denied')) {
    throw new PysyncError('FILE_FAILED', `could not read the disk image ${printable(image)}`, {
      hints: ['check the owner and mode of it and of its directory'],
    });
  }
  return exitCode === 0 ? stdout : undefined;
}

export async function fileSystemState(image: string): Promise<FileSystemState> {
  const header = await readHeader(image);
  return header === undefined ? 'none' : stateIn(header);
}

export async function fileSystemSize(image: string): Promise<number> {
  return sizeIn(await requireHeader(image));
}

/** Each group brings as many. */
export async function inodesAfterGrowth(image: string, size: number): Promise<number> {
  const header = await requireHeader(image);
  const groupBytes = numberIn(header, 'Blocks per group') * blockSize;
  return Math.ceil(size / groupBytes) * numberIn(header, 'Inodes per group');
}

async function requireHeader(image: string): Promise<string> {
  const header = await readHeader(image);
  if (header === undefined) throw damaged(image, 'holds no ext4 file system');
  return header;
}

export function stateIn(header: string): FileSystemState {
  const state = /^Filesystem state:\s*(.*)$/m.exec(header)?.[1] ?? '';
  if (state.includes('with errors')) return 'errors';
  return state === 'clean' && !header.includes('needs_recovery') ? 'clean' : 'dirty';
}

/** Bytes. */
export function sizeIn(header: string): number {
  return numberIn(header, 'Block count') * numberIn(header, 'Block size');
}

/** The number behind `name:`. */
export function numberIn(header: string, name: string, otherwise?: number): number {
  const text = new RegExp(`^${name}:\\s*(\\d+)`, 'm').exec(header)?.[1];
  const number = text === undefined ? otherwise : Number(text);
  if (number === undefined) throw new Error(`dumpe2fs says nothing of '${name}'`);
  return number;
}
