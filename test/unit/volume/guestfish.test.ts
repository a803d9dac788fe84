import { expect, test } from 'vitest';
import { guestfishArguments } from '../../../src/volume/ext4/libguestfs.js';

test('the launch makes, lays out, empties and gives away one file system', () => {
  const image = `/home/me/it's "a : b" $(new).img`;
  const request = { image, size: 2 ** 30, uid: 1000, gid: 1001, onProgress: () => undefined };
  const layout =
    'fstype:ext4 blocksize:4096 bytesperinode:4096 journalsize:8 maxonlineresize:268435456 ' +
    'reservedblockspercentage:0 label:pysync forcecreate:true lazyitableinit:true ' +
    'lazyjournalinit:true discard:false';
  expect(guestfishArguments(request)).toEqual([
    ...['disk-create', image, 'raw', '1073741824', 'preallocation:full'],
    ...[':', 'add', image, 'format:raw'],
    ...[':', 'run'],
    ...[':', 'mke2fs', '/dev/sda', ...layout.split(' ')],
    ...[':', 'tune2fs', '/dev/sda', 'reservedblockscount:64'],
    ...[':', 'mount', '/dev/sda', '/'],
    ...[':', 'rmdir', '/lost+found'],
    ...[':', 'chown', '1000', '1001', '/'],
    ...[':', 'chmod', '0700', '/'],
    ...[':', 'umount-all'],
    ...[':', 'shutdown'],
  ]);
});
