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
import type { Stats } from 'node:fs';
import { giveBack } from './attributes.js';
import { childProcess } from './child-process.js';
import { confinementOf, sandboxed, stagedShare } from './confine.js';
import type { Backup } from './decide.js';
import { deliver, deliverFile, leadsOut, openOrMake } from './deliver.js';
import type { Delivery } from './deliver.js';
import { at, closeFolder, inFolder, look, namesIn, openIn, openTop } from './inside.js';
import type { Folder } from './inside.js';
import { noteParts } from './parts.js';
import { ownFolder, partsOf } from './paths.js';
import { enteredFolder } from './places.js';
import { inShareFolder, isOwnFolder, removeSessionFolder } from './session-folder.js';
import type { Finish, Header } from './session.js';
import { readHeader } from './session.js';
import type { Settings } from './settings.js';

/** Finishes the session whose log this is; returns sentences for its sender. */
export function finish(settings: Settings, log: string): string[] {
  const header = readHeader(log);
  if (header?.finish === undefined) return [];
  const { share, finish: todo } = header;
  const linksLeftOut: string[] = [];
  // Taken away by hand, or finished already.
  if (!isOwnFolder(share, todo.folder)) return [];
  inShareFolder(share, todo.folder, (folder) => {
    const context: Context = { share, header, todo, linksLeftOut, log };
    if (todo.isStaged) deliverTree(folder, context);
    else if (todo.backup !== undefined) placeBackups(folder, todo.backup, context);
    if (todo.checksLinks !== 'nowhere') removeLinksOut(context);
    if (todo.attributes !== '') restoreFolders(settings, header, todo);
    keepParts(settings, folder, context);
  });
  return linksLeftOut
    .slice(0, mostNamed)
    .map((name) => `left out ${name}: a link that leads out of the share`);
}

const mostNamed = 5;

interface Context {
  readonly share: string;
  readonly header: Header;
  readonly todo: Finish;
  readonly linksLeftOut: string[];
  readonly log: string;
}

function deliverTree(folder: Folder, context: Context): void {
  const { share, todo, linksLeftOut } = context;
  const { backup } = todo;
  const top = openTop(share);
  const tree = openIn(folder, stagedShare);
  try {
    const delivery: Delivery = {
      replaces: true,
      rules: todo.delivery,
      suffix: '',
      linksLeftOut,
      ...(backup === undefined
        ? {}
        : {
            keepOld: (from: Folder, name: Buffer, parts: readonly Buffer[]) => {
              keepOld(top, { from, name, parts }, backup, context);
            },
          }),
    };
    deliverIntoFolder(tree, top, delivery, context);
    deliver(tree, top, [], delivery);
  } finally {
    closeFolder(tree);
    closeFolder(top);
  }
}

/** `rsync big.iso HOST:inbox` means inbox/big.iso where that is a folder, which rsync cannot see. */
function deliverIntoFolder(
  tree: Folder,
  top: Folder,
  delivery: Delivery,
  { header, log }: Context,
): void {
  const path = partsOf(header.place);
  const name = path.at(-1);
  if (name === undefined || header.place.endsWith('/')) return;
  const parent = path.slice(0, -1);
  const sent = lookAt(tree, path);
  const own = sentName(log, header.token);
  if (sent === undefined || sent.isDirectory() || own === undefined) return;
  if (lookAt(top, path)?.isDirectory() !== true) return;
  const source = Buffer.from(name);
  const parts = path.map((part) => Buffer.from(part));
  inFolder(tree, parent, (from) => {
    inFolder(top, path, (to) => {
      deliverFile({ from, name: source }, to, own, parts, delivery);
    });
  });
}

/** What is at this path; undefined where nothing is, or a link stands in the path. */
function lookAt(folder: Folder, path: readonly string[]): Stats | undefined {
  try {
    return inFolder(folder, path.slice(0, -1), (parent) => look(parent, path.at(-1) ?? '.'));
  } catch {
    return undefined;
  }
}

/** The name that the sender's one file has there, from the log's first line about a file. */
function sentName(log: string, token: string): Buffer | undefined {
  const text = readFileSync(log, 'latin1');
  const mark = `] ${token} recv `;
  const start = text.indexOf(mark);
  if (start === -1) return undefined;
  const line = text.slice(start + mark.length, text.indexOf('\n', start));
  const name = line.replace(/^\d+ \d+ /, '').replace(/^.*\//, '');
  const bytes = name.replaceAll(/\\#(\d{3})/g, (_, digits: string) =>
    String.fromCharCode(Number.parseInt(digits, 8)),
  );
  return name === '' ? undefined : Buffer.from(bytes, 'latin1');
}

interface OldFile {
  readonly from: Folder;
  readonly name: Buffer;
  readonly parts: readonly Buffer[];
}

function keepOld(
  top: Folder,
  { from, name, parts }: OldFile,
  { folder, suffix }: Backup,
  { header, linksLeftOut }: Context,
): void {
  const backup: Delivery = { replaces: false, rules: all, suffix: '', linksLeftOut };
  const target = Buffer.concat([name, Buffer.from(suffix)]);
  if (folder === undefined) {
    deliverFile({ from, name }, from, target, parts, backup);
    return;
  }
  const below = parts.slice(partsOf(header.place).length);
  const path = [...partsOf(folder).map((part) => Buffer.from(part)), ...below];
  inNewFolder(top, path, (to, used) => {
    deliverFile({ from, name }, to, target, used, backup);
  });
}

function placeBackups(
  folder: Folder,
  backup: Backup,
  { share, header, linksLeftOut }: Context,
): void {
  const place = backup.folder ?? enteredFolder(share, header.place);
  const delivery: Delivery = { replaces: false, rules: all, suffix: backup.suffix, linksLeftOut };
  if (look(folder, 'old') === undefined) return;
  inFolder(folder, ['old'], (old) => {
    const top = openTop(share);
    try {
      const path = partsOf(place).map((part) => Buffer.from(part));
      inNewFolder(top, path, (to, used) => {
        deliver(old, to, used, delivery);
      });
    } finally {
      closeFolder(top);
    }
  });
}

const all = { onlyExisting: false, neverExisting: false, onlyNewer: false };

/** Runs `body` on the folder at this path, which is made where it is missing. */
function inNewFolder(
  folder: Folder,
  path: readonly Buffer[],
  body: (folder: Folder, used: readonly Buffer[]) => void,
  used: readonly Buffer[] = [],
): void {
  const [first, ...rest] = path;
  if (first === undefined) {
    body(folder, used);
    return;
  }
  const made = openOrMake(folder, first);
  try {
    inNewFolder(made.folder, rest, body, [...used, made.used]);
  } finally {
    closeFolder(made.folder);
  }
}

/** Of those that are new: what was there before the session is the owner's. */
function removeLinksOut(context: Context): void {
  const { share, header, todo } = context;
  const place = todo.checksLinks === 'share' ? '' : enteredFolder(share, header.place);
  const begun = Date.parse(header.time);
  inShareFolder(share, place, (folder) => {
    removeLinksBelow(folder, partsOf(place), begun, context);
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
    if (stats?.isDirectory() === true && name.toString() !== ownFolder) {
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
function restoreFolders(settings: Settings, { share, place }: Header, todo: Finish): void {
  const { root } = confinementOf(settings, share);
  const copy = `${root}/${todo.folder}/folders/copy`;
  const script = giveBack(todo.attributes);
  const program = [settings.sh, '-c', script, 'sh', `${root}/${place}`, copy, settings.rsync];
  const session = { share, readOnly: false, log: '/dev/null' };
  // The filter would have to be open; nothing of the client's is run or copied here.
  const [command = '', ...words] = sandboxed({ ...settings, seccomp: '' }, session, program);
  childProcess().execFileSync(command, words, { stdio: 'ignore' });
}

/** Notes the parts in the log and for the next session; without any the folder goes. */
function keepParts(
  settings: Settings,
  folder: Folder,
  { share, header, todo, log }: Context,
): void {
  if (todo.keepsParts) rescueParts(folder);
  for (const kind of ['tmp', 'folders']) {
    rmSync(at(folder, kind), { recursive: true, force: true });
  }
  // The launcher has removed it where it was empty.
  const parts =
    look(folder, 'parts') === undefined
      ? []
      : inFolder(folder, ['parts'], (within) =>
          namesIn(within).map((name) => ({ name, bytes: look(within, name)?.size ?? 0 })),
        );
  if (parts.length === 0) {
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
