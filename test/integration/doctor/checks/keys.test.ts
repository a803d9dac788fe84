/** The lines of authorized_keys: ours, and others of the same keys. */
import { beforeEach, expect, it } from 'vitest';
import { readFindings } from '../../../helpers/findings.js';
import { useHome } from '../../../helpers/home.js';
import { ed25519Line } from '../../../helpers/key-blob.js';

const home = useHome();
const file = (): string => home.path('.ssh/authorized_keys');
let key = '';

async function check(): Promise<string[]> {
  return readFindings(await home.pysync(['doctor', 'keys', '--json'])).of('keys');
}

beforeEach(async () => {
  key = ed25519Line();
  await home.pysync(['-i', key, '--name', 'bob']);
});

it('are well after an import, and there are none before it', async () => {
  expect(await check()).toEqual(['ok: 1 key imported, and no other line lets them in']);
  await home.pysync(['revoke', 'bob']);
  expect(await check()).toEqual([
    'ok: nobody is let in yet; to let somebody in: pysync -i <key | file | github-user>',
  ]);
});

it('are found where another line lets the same key in, in either file', async () => {
  home.write('.ssh/authorized_keys2', `command="backup" ${key}\n`, 0o600);
  const [ours = ''] = home.keyLines();
  home.write('.ssh/authorized_keys', `${ours}\n${ed25519Line()}\n${key}\n`, 0o600);
  expect(await check()).toEqual([
    `problem: line 3 of ${file()} lets bob in with no restriction at all`,
    `problem: line 1 of ${file()}2 lets bob in with another command than pysync's`,
  ]);
});

it('are found where a line of ours is damaged or stands twice', async () => {
  const [ours = ''] = home.keyLines();
  const other = ours.replace('--access read-write', '--access read-only');
  home.write('.ssh/authorized_keys', [ours, ours, other, ''].join('\n'), 0o600);
  home.write('.ssh/authorized_keys2', `${ours.replace('restrict,', 'restrict,pty,')}\n`, 0o600);
  expect(await check()).toEqual([
    `problem: line 1 of ${file()}2 is not as pysync wrote it: it has an option that pysync does not write`,
    `warning: the key of bob stands twice, also in line 2 of ${file()}`,
    `problem: line 3 of ${file()} lets bob in by other rules than an earlier line`,
  ]);
});

it('are found where they have expired, and what fixes it leaves the peer’s other keys', async () => {
  const [ours = ''] = home.keyLines();
  const expired = ours.replace('restrict,', 'restrict,expiry-time="20010203",');
  home.write('.ssh/authorized_keys', `${expired}\n`, 0o600);
  await home.pysync(['-i', ed25519Line(), '--name', 'bob']);
  const found = readFindings(await home.pysync(['doctor', 'keys', '--json']));
  expect(found.of('keys')).toEqual(['warning: the key of bob has expired']);
  const [, valid = ''] = home.keyLines();
  const hint = found.findings[0]?.hints.at(-1) ?? '';
  expect(hint).toBe('pysync revoke --expired');
  await home.pysync(hint.split(' ').slice(1));
  expect(home.keyLines()).toEqual([valid]);
});
