/**
 * A power cut right after a transfer, into a volume that the kernel mounts: what is in the image at
 * that moment is all there is. The image is copied while the kernel still holds back what it has not
 * been asked to write.
 */
import { randomBytes } from 'node:crypto';
import { existsSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, expect, test, vi } from 'vitest';
import { mustExec } from '../../helpers/exec.js';
import { createReceiver, putFiles } from '../../helpers/receiver.js';
import type { Receiver } from '../../helpers/receiver.js';
import { needsRoot } from '../../helpers/root.js';
import { createTemporaryFolder } from '../../helpers/tmp.js';

needsRoot('a loop mount');

let receiver: Receiver;
let place: string;

afterEach(async () => {
  await mustExec(['sh', '-c', `! mountpoint -q ${place} || umount ${place}`]);
  await receiver.remove();
  vi.unstubAllEnvs();
});

test('after a transfer all of it is on the disk, and what came later is not', async () => {
  vi.stubEnv('PYSYNC_TEST_CAP', '128M');
  receiver = await createReceiver();
  const folder = createTemporaryFolder().path;
  place = join(folder, 'after');
  const peer = await receiver.letIn();
  const files = Object.fromEntries(
    Array.from({ length: 300 }, (_, i) => [`sent/${i % 7}/file-${i}`, randomBytes(40_000)]),
  );
  putFiles(peer.folder, files);
  const sent = await peer.rsync(['-a', 'sent', `${peer.target}:`]);
  expect(sent).toMatchObject({ stderr: '', exitCode: 0 });
  // The control: nobody has asked for this one to be on the disk.
  const later = randomBytes(40_000);
  writeFileSync(join(receiver.share, 'later'), later);

  const volumes = join(receiver.account.home, '.local/share/pysync/volumes');
  const image = readdirSync(volumes).find((name) => name.endsWith('.img')) ?? '';
  const copy = join(folder, 'copy.img');
  await mustExec(['cp', join(volumes, image), copy]);
  await mustExec(['sh', '-c', `e2fsck -fp ${copy} >/dev/null || [ $? -le 2 ]`]);
  mkdirSync(place);
  await mustExec(['mount', '-o', 'ro,loop', copy, place]);

  for (const [name, content] of Object.entries(files)) {
    expect(readFileSync(join(place, name)).equals(content), name).toBe(true);
  }
  const left = join(place, 'later');
  expect(existsSync(left) && readFileSync(left).equals(later)).toBe(false);
});
