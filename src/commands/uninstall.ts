/**
 * `pysync uninstall`: removes what pysync put on the machine. The keys go first, so that nobody
 * gets in while the sandbox goes. Each step can be done again, so an uninstall that was interrupted
 * is run once more.
 */
import { existsSync, readdirSync, rmSync, rmdirSync } from 'node:fs';
import { basename, join } from 'node:path';
import { PysyncError, errnoOf } from '../errors.js';
import { runningSessions } from '../log/log.js';
import type { Header } from '../log/log.js';
import { endTransfers } from '../history/running.js';
import { launcherPath } from '../launcher/install.js';
import { removeUnit } from '../server/installed.js';
import { endRunningServe } from '../server/running.js';
import { cappedShares } from '../volume/registry.js';
import type { ShareRecord } from '../volume/registry.js';
import { sharePath } from '../share/share.js';
import { confirm } from '../system/confirm.js';
import { fileFailure } from '../system/failures.js';
import { configFolder, dataFolder, stateFolder } from '../system/folders.js';
import { wasInterrupted } from '../system/interrupt.js';
import { print, printJson } from '../system/output.js';
import { startProgress } from '../system/progress.js';
import { printable } from '../system/text.js';
import { removeImage } from '../volume/image-folder.js';
import { mountsBelow } from '../volume/mount-table.js';
import { deleteVolume, dissolveVolume, tidyVolumes } from '../volume/remove.js';
import { keyAsJson } from './views/describe.js';
import type { Options } from './words/options.js';
import { describeEnded, endedAsJson, takeBack } from './revoke-keys.js';
import { describeLeft, describePlan, findInstalled, isNothing } from './uninstall-plan.js';
import type { Installed } from './uninstall-plan.js';

export async function run(_args: readonly string[], options: Options): Promise<void> {
  const deleteFiles = options['deleteFiles'] === true;
  const asJson = options['json'] === true;
  const isDry = options['dryRun'] === true;
  const found = await findInstalled();
  if (isNothing(found) && !asJson) {
    print('pysync has put nothing on this machine but itself');
    print('What stays:');
    for (const line of describeLeft(found, deleteFiles)) print(`  ${printable(line)}`);
    return;
  }
  const plan = describePlan(found, deleteFiles);
  const isSaid = options['yes'] === true && !isDry;
  if (!isSaid && !asJson) {
    print('This would be removed:');
    for (const line of plan) print(`  ${printable(line)}`);
    print('This would stay:');
    for (const line of describeLeft({ ...found, folders: [] }, deleteFiles)) {
      print(`  ${printable(line)}`);
    }
  }
  const isMeant = isSaid || (!isDry && !asJson && (await confirm('Do this?')));
  if (!isMeant) {
    const command = `pysync uninstall --yes${deleteFiles ? ' --delete-files' : ''}`;
    if (asJson) printJson({ applied: false, plan });
    else print(`nothing was changed; to do this: ${command}`);
    return;
  }
  const done = await takeAllBack(found, deleteFiles);
  // The shares are known from the keys, which are gone by now.
  const strays = found.strays.filter((path) => existsSync(path));
  const left = describeLeft({ ...(await findInstalled(found.shares)), strays }, false);
  if (asJson) {
    const { revoked, ended, told, problems } = done;
    const endedTransfers = endedAsJson(ended);
    printJson({
      applied: true,
      revoked: revoked.map(keyAsJson),
      endedTransfers,
      told,
      problems,
      left,
    });
  } else {
    for (const line of describeEnded(done.ended)) print(line);
    for (const line of done.told) print(printable(line));
    print('What stays:');
    for (const line of left) print(`  ${printable(line)}`);
  }
  if (done.problems.length === 0) return;
  throw new PysyncError('UNINSTALL_INCOMPLETE', 'not everything could be removed', {
    hints: [...done.problems, 'when that is fixed: pysync uninstall'],
  });
}

interface Done {
  readonly revoked: Awaited<ReturnType<typeof takeBack>>['removed'];
  readonly ended: readonly Header[];
  readonly told: readonly string[];
  /** What could not be removed, and why. */
  readonly problems: readonly string[];
}

async function takeAllBack(found: Installed, deleteFiles: boolean): Promise<Done> {
  const told: string[] = [];
  const problems: string[] = [];
  const { removed, ended } = await takeBack(() => true, { isMeantBroken: () => true });
  // Also of keys that an interrupted uninstall has revoked.
  const others = await endTransfers(new Set(runningSessions(stateFolder()).map(({ key }) => key)));
  const peers = [...new Set(removed.map(({ policy }) => policy.peer))].join(', ');
  if (removed.length > 0) told.push(`the keys of ${peers} were revoked`);
  await endServe(found, told, problems);
  rmSync(launcherPath(), { force: true });
  const { unknownVolumes } = found;
  if (unknownVolumes !== undefined) problems.push(unknownVolumes.message, ...unknownVolumes.hints);
  for (const record of found.volumes) await endVolume(record, deleteFiles, told, problems);
  if (deleteFiles) {
    for (const path of [...found.shares, ...found.beside]) deleteTree(path, told, problems);
    for (const path of found.strays) {
      removeImage(path);
      told.push(`${path} was deleted`);
    }
  }
  await removeOwnFiles(problems, found.unknownVolumes !== undefined);
  return { revoked: removed, ended: [...ended, ...others], told, problems };
}

/** After the transfers, for which it would wait, and before the files that it would make again. */
async function endServe({ unit }: Installed, told: string[], problems: string[]): Promise<void> {
  try {
    if (unit !== undefined) {
      await removeUnit();
      told.push('pysync serve does not start by itself any more');
    }
    // One in a terminal, or of a systemd that cannot be reached from here.
    if (!(await endRunningServe(10_000))) problems.push('pysync serve still runs; end it first');
  } catch (error) {
    if (!(error instanceof PysyncError) || wasInterrupted()) throw error;
    problems.push(`pysync serve was not stopped: ${error.message}`, ...error.hints);
  }
}

/** Takes one volume away; where that fails it is left as it is, and told. */
async function endVolume(
  record: ShareRecord,
  deleteFiles: boolean,
  told: string[],
  problems: string[],
): Promise<void> {
  const progress = startProgress();
  progress.show(`taking the volume of ${printable(record.path)} away`);
  // Transfers were ended just now, and their launchers may still tidy up.
  const settings = { waitMs: 10_000, onProgress: progress.show };
  const { path } = record;
  try {
    const remove = deleteFiles ? deleteVolume : dissolveVolume;
    const { notes, fstab } = await remove(record, settings);
    problems.push(...fstab);
    const what = deleteFiles ? 'has no volume any more' : 'is an ordinary folder now';
    told.push(`${path} ${what}`, ...notes.map((sentence) => `  ${sentence}`));
  } catch (error) {
    if (!(error instanceof PysyncError) || wasInterrupted()) throw error;
    // Another uninstall may have been faster.
    const isLeft = (await cappedShares()).some((each) => each.path === path);
    if (isLeft) problems.push(`${path} keeps its volume: ${error.message}`, ...error.hints);
  } finally {
    progress.end();
  }
}

/** Deletes a share's folder, or what pysync moved aside beside it. */
function deleteTree(path: string, told: string[], problems: string[]): void {
  try {
    if (!existsSync(path)) return;
    // SECURITY: a share in a line that was edited by hand may be any folder, and what is mounted in
    // it is not the share's (test/integration/commands/uninstall.test.ts).
    if (sharePath(path) !== path) throw new Error('it is a symbolic link');
    const [mounted] = mountsBelow(path);
    if (mounted !== undefined) throw new Error(`something is mounted on ${mounted}`);
    rmSync(path, { recursive: true, force: true });
    told.push(`${path} was deleted`);
  } catch (error) {
    const failure = fileFailure(error, `delete ${path}`);
    if (!(failure instanceof Error)) throw error;
    problems.push(`${path} was not deleted: ${failure.message}`);
  }
}

/** Empties pysync's own folders, but for volumes that are left. */
async function removeOwnFiles(problems: string[], keepsVolumes: boolean): Promise<void> {
  if (!keepsVolumes) await tidyVolumes();
  const isEmpty = !keepsVolumes && (await cappedShares()).length === 0;
  const kept = isEmpty ? ['volumes'] : ['volumes', 'shares.json'];
  // Of the settings only what pysync writes: another program may keep its own in a folder of this name.
  const settings = readNames(configFolder()).filter((name) => name.startsWith('config.json'));
  const own = [
    ...[dataFolder(), stateFolder()].flatMap((folder) =>
      readNames(folder)
        .filter((name) => !kept.includes(name))
        .map((name) => join(folder, name)),
    ),
    ...settings.map((name) => join(configFolder(), name)),
  ];
  for (const path of own) {
    try {
      rmSync(path, { recursive: true, force: true });
    } catch (error) {
      problems.push(`${basename(path)} could not be removed: ${errnoOf(error) ?? 'unknown error'}`);
    }
  }
  for (const folder of [dataFolder(), stateFolder(), configFolder()]) {
    try {
      rmdirSync(folder);
    } catch {
      // Not empty, or not there; what is left is told.
    }
  }
}

function readNames(folder: string): string[] {
  return existsSync(folder) ? readdirSync(folder) : [];
}
