/**
 * `pysync serve --install` and `--uninstall`: has the user's systemd keep serve running, and no longer.
 * Lingering is offered and never switched on: it changes what a logout ends.
 */
import { isLauncherCurrent, makeLauncher } from '../launcher/install.js';
import { hostKey } from '../server/host-key.js';
import { installedUnit, installUnit, ownUnit, removeUnit, unitPath } from '../server/installed.js';
import { listenOn, usualPort } from '../server/listening.js';
import { refuseSecondServe } from '../server/running.js';
import { movesWithUpgrades, portIn, readUnit, stopSeconds, unitText } from '../server/unit.js';
import { lingers, unitState, userSystemd } from '../server/user-systemd.js';
import { makeShare } from '../share/share.js';
import { lanAddresses } from '../system/network.js';
import { note, print, printJson } from '../system/output.js';
import { printable } from '../system/text.js';
import { version } from '../system/version.js';
import { rootWarning, rulesFrom } from './rules.js';
import { describeHostKeys, senderLines } from './views/reach.js';
import { keptWords } from './words/kept-options.js';
import { readPort, usage } from './words/options.js';
import type { Options } from './words/options.js';

/** Whether `pysync serve` is not to run here. */
export function isAboutUnit(options: Options): boolean {
  return ['install', 'uninstall', 'dryRun'].some((name) => options[name] === true);
}

export async function run(_args: readonly string[], options: Options): Promise<void> {
  const isPut = options['install'] === true;
  const isRemoved = options['uninstall'] === true;
  if (isPut && isRemoved) throw usage('--install and --uninstall do not go together');
  if (isPut) await install(options);
  else if (isRemoved) await uninstall(options);
  else throw usage('--dry-run is for --install and --uninstall');
}

async function install(options: Options): Promise<void> {
  const asJson = options['json'] === true;
  const port = readPort(options) ?? usualPort;
  for (const sentence of rootWarning()) note(`pysync: ${sentence}`);
  const { rules } = await rulesFrom(options);
  const unit = ownUnit(keptWords(options, rules.share));
  const text = unitText(unit, version);
  const path = unitPath();
  if (options['dryRun'] === true) {
    if (asJson) printJson({ applied: false, path, text });
    else process.stdout.write(text);
    return;
  }
  // All that serve would make or miss, now that the owner is here to read it.
  if (options['pair'] === true) makeShare(rules.share);
  if (!isLauncherCurrent()) await makeLauncher();
  const { fingerprint } = await hostKey();
  await requireFreePort(port);
  const systemd = await installUnit(unit);
  const stays = await lingers();
  if (asJson) {
    const isRunning = systemd === 'here';
    printJson({ applied: true, path, running: isRunning, port, fingerprint, lingers: stays });
    return;
  }
  if (systemd === 'here') describeRunning(port, fingerprint);
  else {
    print(
      `${printable(path)} was written. Your systemd cannot be reached from here (as after su),`,
    );
    print('so pysync serve starts at your next login; until then: pysync serve');
  }
  if (options['pair'] === true) print('Somebody new may knock; pysync knocks shows who has.');
  if (stays !== true) {
    print(
      'It ends with your last logout. To keep it, and start it at boot: loginctl enable-linger',
    );
  }
  if (movesWithUpgrades(unit)) {
    note(`pysync: an upgrade may move ${printable(unit.node)} or pysync; then install again:`);
    note('  pysync serve --install');
  }
}

/**
 * Throws PysyncError `SERVE_RUNS`, `PORT_TAKEN`, `PORT_REFUSED`, but not for what the unit runs that is
 * replaced.
 */
async function requireFreePort(port: number): Promise<void> {
  const isReplaced = await runsByUnit();
  if (!isReplaced) refuseSecondServe();
  const before = isReplaced ? readUnit(installedUnit() ?? '') : undefined;
  if (before !== undefined && portIn(before.options, usualPort) === port) return;
  (await listenOn(port)).close();
}

async function runsByUnit(): Promise<boolean> {
  if (installedUnit() === undefined || (await userSystemd()) !== 'here') return false;
  return !['inactive', 'failed'].includes((await unitState()).active);
}

function describeRunning(port: number, fingerprint: string): void {
  const addresses = lanAddresses().map(({ address }) => address);
  print(`pysync serve runs, and starts with each login. It receives on port ${port}; senders use:`);
  print();
  const door = { port, hostKeys: [{ type: 'ED25519', fingerprint }] };
  for (const line of senderLines(addresses, door, 'read-write')) print(line);
  print();
  for (const line of describeHostKeys([door])) print(line);
}

async function uninstall(options: Options): Promise<void> {
  const asJson = options['json'] === true;
  const path = unitPath();
  const isThere = installedUnit() !== undefined;
  const isDry = options['dryRun'] === true;
  if (!isThere || isDry) {
    const left = `it would be stopped, and ${printable(path)} removed`;
    if (asJson) printJson({ applied: false, path, installed: isThere });
    else print(isThere ? left : `pysync serve is not installed: there is no ${printable(path)}`);
    return;
  }
  if (!asJson) note(`pysync: running transfers get up to ${stopSeconds} s to end`);
  const systemd = await removeUnit();
  if (asJson) {
    printJson({ applied: true, path, stopped: systemd === 'here' });
    return;
  }
  print(`pysync serve does not start by itself any more; ${printable(path)} was removed`);
  if (systemd !== 'here') {
    print('Your systemd cannot be reached from here: what runs now ends with your last logout');
  }
}
