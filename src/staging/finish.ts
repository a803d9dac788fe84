/**
 * What is left to do when a transfer has ended, however it ended: deliver what a key that may only
 * send has brought, put backups where the client wants them, take links away that would lead out of
 * the share, give folders their own ACLs back, and note or remove parts.
 *
 * All of it can be done a second time: where the machine stopped in the middle, the next session
 * finds the log of this one and does it (rotation.ts).
 */
import { appendFileSync, readlinkSync, renameSync, rmSync, unlinkSync } from 'node:fs';
import { giveBack } from './attributes.js';
import { confinementOf, sandboxed, wholeMark } from '../sandbox/confine.js';
import { leadsOut } from './deliver.js';
import { deliverTree, placeBackups } from './destination.js';
import type { Context } from './destination.js';
import { at, canEnter, inFolder, look, namesIn } from './inside.js';
import type { Folder } from './inside.js';
import { noteParts } from './parts.js';
import { ownFolder, partsOf } from '../gate/paths.js';
import { inShareFolder, isOwnFolder, removeSessionFolder } from './folder.js';
import type { Finish, Header } from '../session/log.js';
import { readHeader } from '../session/log.js';
import type { Settings } from '../session/settings.js';

export interface Finished {
  /** For the sender. */
  readonly sentences: readonly string[];
  /** Whether all that was sent is where it belongs. */
  readonly isWhole: boolean;
}

/** Finishes the session whose log this is. */
export function finish(settings: Settings, log: string): Finished {
  const header = readHeader(log);
  const nothing = { sentences: [], isWhole: true };
  if (header?.finish === undefined) return nothing;
  const { share, finish: todo } = header;
  const linksLeftOut: string[] = [];
  const failed: string[] = [];
  // Taken away by hand, or finished already.
  if (!isOwnFolder(share, todo.folder)) return nothing;
  inShareFolder(share, todo.folder, (folder) => {
    const context: Context = { share, header, todo, linksLeftOut, failed, log };
    const failures: unknown[] = [];
    const attempt = (step: () => void): void => {
      try {
        step();
      } catch (error) {
        failures.push(error);
      }
    };
    const { backup } = todo;
    const isWhole = look(folder, wholeMark) !== undefined;
    attempt(() => {
      if (todo.isStaged) deliverTree(folder, context);
      else if (backup !== undefined) placeBackups(folder, backup, context);
    });
    attempt(() => {
      if (todo.checksLinks !== 'nowhere') removeLinksOut(context, isWhole);
    });
    attempt(() => {
      if (todo.attributes !== '') restoreFolders(settings, header, todo, isWhole);
    });
    keepParts(settings, folder, context);
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
  const { share, header, todo } = context;
  const place = partsOf(header.place).join('/');
  const isInPlace = todo.checksLinks === 'place' && !isWhole && isOwnFolder(share, place);
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
  settings: Settings,
  { share, place }: Header,
  todo: Finish,
  isWhole: boolean,
): void {
  const { root } = confinementOf(settings, share);
  const from = [root, ...(isWhole ? [] : partsOf(place))].join('/');
  const copy = `${root}/${todo.folder}/folders/copy`;
  const script = giveBack(todo.attributes);
  const program = [settings.sh, '-c', script, 'sh', from, copy, settings.rsync];
  const session = { share, readOnly: false, log: '/dev/null' };
  // The filter would have to be open; nothing of the client's is run or copied here.
  const [command = '', ...words] = sandboxed({ ...settings, seccomp: '' }, session, program);
  process.getBuiltinModule('node:child_process').execFileSync(command, words, { stdio: 'ignore' });
}

/** Notes the parts in the log and for the next session; without any the folder goes. */
function keepParts(
  settings: Settings,
  folder: Folder,
  { share, header, todo, log }: Context,
): void {
  if (todo.keepsParts) rescueParts(folder);
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
    removeSessionFolder(share, todo.folder);
    return;
  }
  const { token } = header;
  const lines = parts.map(
    ({ name, bytes }) => `pysync-part ${token} ${bytes} ${JSON.stringify(name.toString())}\n`,
  );
  appendFileSync(log, ['\n', ...lines].join(''));
  const { peer, key, place } = header;
  noteParts(settings.state, { share, folder: todo.folder, peer, key, place });
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
