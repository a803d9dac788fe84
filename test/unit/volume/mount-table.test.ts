import { expect, test } from 'vitest';
import { parseMountTable } from '../../../src/ready/mount-table.js';

const root = '27 1 254:0 / / rw,relatime - ext4 /dev/vda rw,discard';
const fuse =
  '57 27 0:40 / /home/bob/public rw,nosuid,nodev,noexec,relatime - fuse.ext4 /home/bob/v.img rw,user_id=1000';

test('a line is read into its fields', () => {
  expect(parseMountTable(fuse)).toEqual([
    {
      id: 57,
      parent: 27,
      device: '0:40',
      mountPoint: '/home/bob/public',
      options: ['rw', 'nosuid', 'nodev', 'noexec', 'relatime'],
      propagation: [],
      type: 'fuse.ext4',
      source: '/home/bob/v.img',
    },
  ]);
});

test.each([
  ['no optional field', '', []],
  ['one', 'shared:2 ', ['shared:2']],
  ['several', 'shared:2 master:1 propagate_from:7 ', ['shared:2', 'master:1', 'propagate_from:7']],
])('the fields behind are found with %s', (_, fields, propagation) => {
  const line = `44 42 7:3 / /share rw ${fields}- ext4 /dev/loop3 rw`;
  expect(parseMountTable(line)).toMatchObject([
    { propagation, type: 'ext4', source: '/dev/loop3', device: '7:3' },
  ]);
});

test('escaped characters are read back, also a backslash in front of digits', () => {
  const line = String.raw`5 2 0:9 / /a\040b\011c\012d\134040e rw - fuse.ext4 /i\040\134.img rw`;
  expect(parseMountTable(line)).toMatchObject([
    { mountPoint: '/a b\tc\nd\\040e', source: '/i \\.img' },
  ]);
});

test('a mount point that is called like the separator does not move the fields', () => {
  expect(parseMountTable('5 2 0:9 - - rw - tmpfs - rw')).toMatchObject([
    { mountPoint: '-', type: 'tmpfs', source: '-' },
  ]);
});

test('lines of another form are left out', () => {
  const text = ['', root, 'nonsense', '5 2 0:9 / /x rw shared:1', fuse, ''].join('\n');
  expect(parseMountTable(text).map(({ id }) => id)).toEqual([27, 57]);
});
