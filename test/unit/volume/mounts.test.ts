import { describe, expect, test } from 'vitest';
import { fstabLine } from '../../../src/volume/mounts/fstab.js';
import { fuse2fsArguments } from '../../../src/volume/mounts/fuse2fs.js';
import { mountMethods } from '../../../src/volume/mounts/index.js';
import { reasonOf } from '../../../src/volume/mounts/mount-locked.js';

const request = { image: '/v/a.img', mountPoint: '/home/bob/public', imageLock: '/v/a.img.lock' };
const always = 'fakeroot,default_permissions,nosuid,nodev,noexec';

test('the ways of mounting are tried fastest first', () => {
  expect(mountMethods.map(({ name }) => name)).toEqual(['loop', 'fuse2fs', 'guestmount']);
});

describe('the arguments of fuse2fs', () => {
  test('ask for large writes and some memory of names where libfuse 2 needs to be asked', () => {
    const version = 'fuse2fs 1.47.0 (5-Feb-2023)\nFUSE library version: 2.9.9\n';
    expect(fuse2fsArguments(request, version)).toEqual([
      '/v/a.img',
      '/home/bob/public',
      '-o',
      `${always},big_writes,max_write=131072,attr_timeout=0.1,negative_timeout=1,` +
        'no_default_opts,kernel_cache,subtype=ext4,use_ino,fsname=/v/a.img',
    ]);
  });

  test('leave out what libfuse 3 does not know', () => {
    expect(fuse2fsArguments(request, 'FUSE library version 3.14.0').at(-1)).toBe(always);
  });

  test('say so where nothing may be written', () => {
    expect(fuse2fsArguments({ ...request, readOnly: true }, '').at(-1)).toBe(`${always},ro`);
  });
});

describe('the line of fstab', () => {
  test('names image and mount point, and forbids programs and devices', () => {
    expect(fstabLine(request)).toBe(
      '/v/a.img /home/bob/public ext4 user,noauto,loop,nosuid,nodev,noexec,noinit_itable 0 0',
    );
  });

  test('keeps its fields apart whatever the paths hold', () => {
    const line = fstabLine({ ...request, image: '/a b\tc\nd', mountPoint: '/e\\040f#g' });
    expect(line.split(' ').slice(0, 2)).toEqual(['/a\\040b\\011c\\012d', '/e\\134040f\\043g']);
    expect(line).not.toContain('\n');
  });
});

describe('the reason why a mount failed', () => {
  test('is given where it is known', () => {
    const stderr = 'fuse: mountpoint is not empty\nfuse: if you are sure this is safe, use …\n';
    expect(reasonOf(stderr)).toBe('the directory is not empty');
  });

  test('is the last line of the tool where it is not, made harmless', () => {
    expect(reasonOf('first\nsomething \u001b[31mnew\n')).toBe('something \\u001b[31mnew');
  });

  test('is that there is none where the tool said nothing', () => {
    expect(reasonOf('\n')).toBe('the tool gave no reason');
  });
});
