/**
 * What is left to do when a transfer has ended, however it ended: deliver what a key that may only
 * send has brought, put backups where the client wants them, take links away that would lead out of
 * the share, give folders their own ACLs back, and note or remove parts.
 *
 * All of it can be done a second time: where the machine stopped in the middle, the next session
 * finds the log of this one and does it (rotation.ts).
 */
import {
  appendFileSync,
  readFileSync,
  readlinkSync,
  renameSync,
  rmSync,
  unlinkSync,
} from 'node:fs';
import { join } from 'node:path';
import type { Backup, Decision, DeliveryRules } from '../gate/decide.js';
import type { SandboxSettings } from '../sandbox/sandbox.js';
import { sandboxed, sandboxes } from '../sandbox/sandboxes.js';
import { leadsOut } from './deliver.js';
import { deliverTree, placeBackups } from './destination.js';
import type { Context } from './destination.js';
import { at, canEnter, inFolder, look, namesIn } from './inside.js';
import type { Folder } from './inside.js';
import { noteParts } from './parts.js';
import type { Parts } from './parts.js';
import { ownFolder, partsOf } from '../gate/paths.js';
import { inShareFolder, isOwnFolder, removeSessionFolder, wholeMark } from './folder.js';

/** What is to be done; see the fields of `Decision` that these are. */
export interface Finish {
  /** The session's own folder, a path in the share. */
  readonly folder: string;
  readonly isStaged: boolean;
  readonly keepsParts: boolean;
  readonly delivery: DeliveryRules;
  readonly backup?: Backup;
  readonly attributes: string;
  readonly checksLinks: Decision['checksLinks'];
  readonly writesInPlace: boolean;
  readonly makesLinks: boolean;
}

/** A session that has ended: what the header of its log says (log/log.ts). */
export interface Ended extends Omit<Parts, 'folder'> {
  readonly time: string;
  readonly token: string;
}

export interface Finished {
  /** For the sender. */
  readonly sentences: readonly string[];
  /** Whether all that was sent is where it belongs. */
  readonly isWhole: boolean;
}

/** Finishes a session; `log` is the path of its log, `state` the folder of the notes. */
export function finish(
  settings: SandboxSettings & { readonly state: string },
  header: Ended,
  work: Finish,
  log: string,
): Finished {
  const nothing = { sentences: [], isWhole: true };
  const { share } = header;
  const linksLeftOut: string[] = [];
  const failed: string[] = [];
  // Taken away by hand, or finished already.
  if (!isOwnFolder(share, work.folder)) return nothing;
  inShareFolder(share, work.folder, (folder) => {
    const context: Context = { share, header, work, linksLeftOut, failed, log };
    const failures: unknown[] = [];
    const attempt = (step: () => void): void => {
      try {
        step();
      } catch (error) {
        failures.push(error);
      }
    };
    const { backup } = work;
    const isWhole = look(folder, wholeMark) !== undefined;
    attempt(() => {
      if (work.isStaged) deliverTree(folder, context);
      else if (backup !== undefined) placeBackups(folder, backup, context);
    });
    attempt(() => {
      if (work.checksLinks !== 'nowhere') removeLinksOut(context, isWhole);
    });
    attempt(() => {
      if (work.attributes !== '') restoreFolders(settings, header, work, isWhole);
    });
    keepParts(settings.state, folder, context);
    if (failures.length > 0) throw failures[0];
  });
  const sentences = [
    ...failed.slice(0, mostNamed).map((name) => `could not store ${name}`),
    ...(failed.length > mostNamed ? [`could not store ${failed.length - mostNamed} more`] : []),
    ...linksLeftOut
      .slice(0, mostNamed)
      .map((name) => `left out ${name}: a link that leads out of the share`),
  ];
  return { sentences, isWhole: failed.length === 0 };
}

const mostNamed = 5;

/** Of those that are new: what was there before the session is the owner's. */
function removeLinksOut(context: Context, isWhole: boolean): void {
  const { share, header, work } = context;
  const place = partsOf(header.place).join('/');
  const isInPlace = work.checksLinks === 'place' && !isWhole && isOwnFolder(share, place);
  const begun = Date.parse(header.time);
  inShareFolder(share, isInPlace ? place : '', (folder) => {
    removeLinksBelow(folder, isInPlace ? partsOf(place) : [], begun, context);
  });
}

function removeLinksBelow(
  folder: Folder,
  parts: readonly string[],
  begun: number,
  context: Context,
): void {
  for (const name of namesIn(folder)) {
    const stats = look(folder, name);
    const isFolder = stats?.isDirectory() === true && name.toString() !== ownFolder;
    if (isFolder && canEnter(folder, name)) {
      inFolder(folder, [name], (below) => {
        removeLinksBelow(below, [...parts, name.toString()], begun, context);
      });
    }
    if (stats?.isSymbolicLink() !== true || stats.ctimeMs < begun) continue;
    if (!leadsOut(readlinkSync(at(folder, name), 'buffer'), parts.length)) continue;
    unlinkSync(at(folder, name));
    context.linksLeftOut.push([...parts, name.toString()].join('/'));
  }
}

/** Runs in the sandbox, as all that follows names in the share. */
function restoreFolders(
  settings: SandboxSettings,
  { share, place }: Ended,
  work: Finish,
  isWhole: boolean,
): void {
  const session = { share, readOnly: false, log: '/dev/null' };
  const { root } = sandboxes[settings.level].view(session);
  const from = [root, ...(isWhole ? [] : partsOf(place))].join('/');
  const copy = `${root}/${work.folder}/folders/copy`;
  const script = readFileSync(join(__dirname, 'give-back.sh'), 'utf8');
  const words = [from, copy, work.attributes, settings.rsync];
  const program = [settings.sh, '-c', script, 'give-back', ...words];
  // The filter would have to be open; nothing of the client's is run or copied here.
  const [command = '', ...rest] = sandboxed({ ...settings, seccomp: '' }, session, program);
  process.getBuiltinModule('node:child_process').execFileSync(command, rest, { stdio: 'ignore' });
}

/** Notes the parts in the log and for the next session; without any the folder goes. */
function keepParts(state: string, folder: Folder, { share, header, work, log }: Context): void {
  if (work.keepsParts) rescueParts(folder);
  for (const kind of ['tmp', 'folders', wholeMark]) {
    rmSync(at(folder, kind), { recursive: true, force: true });
  }
  // The launcher has removed it where it was empty.
  const parts =
    look(folder, 'parts') === undefined
      ? []
      : inFolder(folder, ['parts'], (within) =>
          namesIn(within).map((name) => ({ name, bytes: look(within, name)?.size ?? 0 })),
        );
  // Replaced files that have no place yet are not the sender's; the key's next session tries again.
  const hasOld = look(folder, 'old') !== undefined && inFolder(folder, ['old'], holdsFiles);
  if (parts.length === 0 && !hasOld) {
    removeSessionFolder(share, work.folder);
    return;
  }
  const { token } = header;
  const lines = parts.map(
    ({ name, bytes }) => `pysync-part ${token} ${bytes} ${JSON.stringify(name.toString())}\n`,
  );
  appendFileSync(log, ['\n', ...lines].join(''));
  const { peer, key, place } = header;
  noteParts(state, { share, folder: work.folder, peer, key, place });
}

function holdsFiles(folder: Folder): boolean {
  return namesIn(folder).some((name) => {
    const isFolder = look(folder, name)?.isDirectory() === true;
    return isFolder ? inFolder(folder, [name], holdsFiles) : true;
  });
}

/** An rsync that was killed, or stopped with the machine, has not made parts of its files itself. */
function rescueParts(folder: Folder): void {
  if (look(folder, 'tmp') === undefined || look(folder, 'parts') === undefined) return;
  inFolder(folder, ['tmp'], (tmp) => {
    inFolder(folder, ['parts'], (parts) => {
      for (const name of namesIn(tmp)) {
        // rsync adds a dot and six characters.
        const target = name.subarray(0, -7);
        if (look(parts, target) === undefined) renameSync(at(tmp, name), at(parts, target));
      }
    });
  });
}
