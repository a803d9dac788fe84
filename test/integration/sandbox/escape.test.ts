/**
 * The proof of the sandbox: it finds nothing in a whole one, and in one that is weakened on purpose
 * it names what got through. What weakens it stands between pysync and the real bubblewrap.
 */
import { readdirSync } from 'node:fs';
import { beforeEach, expect, it } from 'vitest';
import { findTool } from '../../../src/system/tools.js';
import { readFindings } from '../../helpers/findings.js';
import { useHome } from '../../helpers/home.js';
import { ed25519Line } from '../../helpers/key-blob.js';
import { machineOf } from '../../helpers/machine.js';
import type { Machine } from '../../helpers/machine.js';

const home = useHome();
const bwrap = findTool('bwrap');
let machine: Machine;

const honest = `exec ${bwrap} "$@"`;
/** Of the words that bubblewrap gets, the first is --unshare-all. */
const sharing = (...kept: readonly string[]): string =>
  `shift; exec ${bwrap} ${kept.map((name) => `--unshare-${name}`).join(' ')}`;
const allBut = { net: ['pid', 'ipc', 'uts'], pid: ['net', 'ipc', 'uts'] };

/** What each weakening is, what it does, and what then gets through. */
const weakenings: readonly (readonly [string, string, readonly string[]])[] = [
  [
    'shares the network',
    `${sharing(...allBut.net)} "$@"`,
    ['connect to a program on this machine over the network'],
  ],
  ['shares processes', `${sharing(...allBut.pid)} "$@"`, ['end a process outside the sandbox']],
  [
    'shares processes and shows them',
    `${sharing(...allBut.pid)} --ro-bind /proc /proc "$@"`,
    [
      'look at other processes in /proc',
      'learn from /proc where on this machine the share lies',
      "see this machine's network devices",
      'end a process outside the sandbox',
    ],
  ],
  [
    'shows its own processes',
    `exec ${bwrap} --proc /proc "$@"`,
    ['learn from /proc where on this machine the share lies', "see this machine's network devices"],
  ],
  [
    'shows network devices',
    `exec ${bwrap} --ro-bind /sys /sys "$@"`,
    ["see this machine's network devices"],
  ],
  ['shows /etc', `exec ${bwrap} --ro-bind /etc /etc "$@"`, ['read /etc/passwd']],
  [
    'shows the home',
    `exec ${bwrap} --ro-bind HOME HOME "$@"`,
    ['read a file beside the share', 'list your home folder'],
  ],
  [
    'lets the home be written',
    `exec ${bwrap} --bind HOME HOME "$@"`,
    ['read a file beside the share', 'list your home folder', 'write a file outside the share'],
  ],
  [
    'lets its own root be written',
    'for w do shift; [ "$w" = --remount-ro ] && w=--chdir; set -- "$@" "$w"; done; ' + honest,
    ['write files that nobody sees, into memory'],
  ],
  [
    'holds more programs',
    `exec ${bwrap} --ro-bind /usr/bin /usr/bin "$@"`,
    ['run a program that is not in the sandbox'],
  ],
  [
    'lets everybody write',
    'for w do shift; [ "$w" = --ro-bind ] && w=--bind; set -- "$@" "$w"; done; ' + honest,
    ['write into the share while it may only fetch'],
  ],
];

function install(script: string): void {
  machine.install('bwrap', `#!/bin/sh\n${script}\n`);
}

async function confinement(): Promise<string[]> {
  return readFindings(await machine.pysync('doctor', 'confinement', '--json')).of('confinement');
}

const well =
  'ok: nothing got out of it: rsync runs in a bubblewrap sandbox that holds the share and nothing else';

beforeEach(async () => {
  machine = machineOf(home);
  install(honest);
  expect(await machine.pysync('-i', ed25519Line())).toMatchObject({ stderr: '', exitCode: 0 });
  home.write('diary.txt', 'nobody else reads this');
});

it('finds nothing in a sandbox that holds, and leaves nothing of its attempts', async () => {
  const entries = async (): Promise<string[]> =>
    (await home.snapshot()).split('\n').filter((line) => !line.startsWith('.local/share/pysync d'));
  const before = await entries();
  expect(await confinement()).toEqual([well]);
  expect(await entries()).toEqual(before);
  expect(readdirSync('/tmp').filter((name) => name.startsWith('.pysync-doctor-'))).toEqual([]);
});

it('names what gets out of a sandbox that was weakened', async () => {
  for (const [what, script, expected] of weakenings) {
    install(script.replaceAll('HOME', home.account.home));
    const problems = expected.map((escape) => `problem: a peer's rsync could ${escape}`);
    expect([what, ...(await confinement())]).toEqual([what, ...problems]);
  }
  install(honest);
  expect(await confinement()).toEqual([well]);
});

it('says why a sandbox does not start, and --fix takes another or none', async () => {
  const sentence = 'bwrap: No permissions to create new namespace';
  install(`echo '${sentence}' >&2; exit 1`);
  const broken = readFindings(await machine.pysync('doctor', 'confinement', '--fix', '--json'));
  expect(broken.of('confinement')).toEqual([
    `problem: the sandbox does not start, so no peer gets in: ${sentence}`,
  ]);
  expect(broken.done.join()).toContain('no sandbox that could keep a peer inside the share');
  install(honest);
  const fixed = readFindings(await machine.pysync('doctor', 'confinement', '--fix', '--json'));
  expect(fixed.of('confinement')).toEqual([well]);
});
