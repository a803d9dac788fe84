/**
 * What every engine promises (src/volume/ext4/engine.ts), looked up with e2fsprogs; and the call
 * of an engine in a process of its own, so that it can be another user's or lack a tool.
 */
import { statSync } from 'node:fs';
import { join } from 'node:path';
import { expect, inject } from 'vitest';
import { layoutFor } from '../../../src/volume/ext4/layout.js';
import { mustExec } from '../../helpers/exec.js';

export const mebibyte = 2 ** 20;

export interface Wanted {
  readonly image: string;
  readonly size: number;
  readonly uid: number;
  readonly gid: number;
}

/** Bytes that files can take, as the file system counts them. */
export async function usableIn(image: string): Promise<number> {
  const header = (await mustExec(['dumpe2fs', '-h', image])).stdout;
  const count = (name: string): number =>
    Number(new RegExp(`^${name}: +(\\d+)$`, 'm').exec(header)?.[1]);
  return (count('Free blocks') - count('Reserved block count')) * count('Block size');
}

/** Throws where `image` is not what an engine was asked for. */
export async function expectVolume({ image, size, uid, gid }: Wanted): Promise<void> {
  const stats = statSync(image);
  expect(stats.size).toBe(size);
  expect(stats.blocks * 512).toBeGreaterThanOrEqual(size);
  expect(stats.mode & 0o777).toBe(0o600);
  await mustExec(['e2fsck', '-fn', image]);
  const header = (await mustExec(['dumpe2fs', '-h', image])).stdout;
  expect(header).toMatch(/^Filesystem volume name: +pysync$/m);
  expect(header).toMatch(/^Filesystem state: +clean$/m);
  expect(header).toMatch(/^Block size: +4096$/m);
  expect(header).toMatch(new RegExp(`^Block count: +${size / 4096}$`, 'm'));
  expect(header).toMatch(/^Reserved block count: +64$/m);
  expect(header).toMatch(/^Filesystem features:.* has_journal .*resize_inode .*extent /m);
  // They take three quarters of fuse2fs's time.
  expect(header).not.toContain('metadata_csum');
  const inodes = Number(/^Inode count: +(\d+)$/m.exec(header)?.[1]);
  expect(inodes).toBeGreaterThanOrEqual(size / layoutFor(size).bytesPerInode);
  const { stdout } = await mustExec(['debugfs', '-R', 'ls -p /', image]);
  expect(stdout.trim().split('\n')).toEqual([
    `/2/040700/${uid}/${gid}/.//`,
    `/2/040700/${uid}/${gid}/..//`,
  ]);
}

const script = `
  const [program, request, forced] = process.argv.slice(1);
  const { createImage } = require(program + '/dist/volume/ext4/engines.js');
  const stages = [];
  const onProgress = (what) => stages.push(what);
  createImage({ ...JSON.parse(request), onProgress }, forced || undefined).then(
    (result) => console.log(JSON.stringify({ ...result, stages })),
    ({ code, message, hints }) => console.log(JSON.stringify({ code, message, hints, stages })),
  );
`;

/** The command that calls createImage; what it prints is for `readResult`. */
export function createCommand(wanted: Wanted, forced = ''): string[] {
  return [inject('node'), '-e', script, inject('program'), JSON.stringify(wanted), forced];
}

export interface CreateResult {
  readonly engine?: string;
  readonly reason?: string;
  readonly code?: string;
  readonly message?: string;
  readonly hints?: readonly string[];
  readonly stages: readonly string[];
}

export function readResult(stdout: string): CreateResult {
  return JSON.parse(stdout) as CreateResult;
}

/** Stands before a command to run it where the tools are not there, and the folders are empty. */
export function without(tools: readonly string[], folders: readonly string[] = []): string[] {
  const hide = tools.flatMap((tool) => ['--ro-bind', '/dev/null', tool]);
  const empty = folders.flatMap((folder) => ['--tmpfs', folder]);
  return ['bwrap', '--dev-bind', '/', '/', ...hide, ...empty];
}

/** Stands before a command to give it a disk of `size` bytes at `folder`. */
export function withDisk(folder: string, size: number): string[] {
  return ['bwrap', '--dev-bind', '/', '/', '--size', String(size), '--tmpfs', folder];
}

export function imageIn(folder: string): string {
  return join(folder, 'a share: "new".img.new');
}
