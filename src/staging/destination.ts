/**
 * Where what a session has in its own folder goes when it ends: whole files of a key that may only
 * send to the paths they were sent to, and replaced files to where the client wants its backups.
 */
import { readFileSync } from 'node:fs';
import type { Stats } from 'node:fs';
import type { Backup } from '../gate/decide.js';
import { deliver, deliverFile, openOrMake, withEnding } from './deliver.js';
import type { Delivery } from './deliver.js';
import { closeFolder, inFolder, look, openIn, openTop } from './inside.js';
import type { Folder } from './inside.js';
import { partsOf } from '../gate/paths.js';
import { enteredFolder } from './places.js';
import type { Ended, Finish } from './finish.js';
import { stagedShare } from './folder.js';

/** A session that has ended. */
export interface Context {
  readonly share: string;
  readonly header: Ended;
  readonly work: Finish;
  readonly linksLeftOut: string[];
  readonly failed: string[];
  readonly log: string;
}

/** Delivers the files of a key that may only send. */
export function deliverTree(folder: Folder, context: Context): void {
  const { share, work, linksLeftOut, failed } = context;
  const { backup } = work;
  const top = openTop(share);
  const tree = openIn(folder, stagedShare);
  try {
    const delivery: Delivery = {
      replaces: true,
      rules: work.delivery,
      suffix: '',
      linksLeftOut,
      failed,
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
  const there = lookAt(top, path);
  if (there?.isSymbolicLink() === true) {
    // It was meant for what the link leads to, which is not entered; nor is the link replaced.
    deliverBeside(tree, top, path, delivery);
    return;
  }
  if (there?.isDirectory() !== true) return;
  const source = Buffer.from(name);
  const parts = path.map((part) => Buffer.from(part));
  try {
    inFolder(tree, parent, (from) => {
      inFolder(top, path, (to) => {
        deliverFile({ from, name: source }, to, own, parts, delivery);
      });
    });
  } catch {
    // A folder that takes nothing: the file goes beside it.
  }
}

function deliverBeside(
  tree: Folder,
  top: Folder,
  path: readonly string[],
  delivery: Delivery,
): void {
  const parent = path.slice(0, -1);
  const name = Buffer.from(path.at(-1) ?? '');
  const parts = parent.map((part) => Buffer.from(part));
  inFolder(tree, parent, (from) => {
    inFolder(top, parent, (to) => {
      deliverFile({ from, name }, to, name, parts, { ...delivery, replaces: false });
    });
  });
}

/** What is at this path; undefined where nothing is, or a link is in the path. */
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
  { header, linksLeftOut, failed }: Context,
): void {
  const backup: Delivery = { replaces: false, rules: all, suffix: '', linksLeftOut, failed };
  const target = withEnding(name, suffix);
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

/** Moves replaced files to where the client wants them, or beside what is there. */
export function placeBackups(
  folder: Folder,
  backup: Backup,
  { share, header, linksLeftOut, failed }: Context,
): void {
  const place = backup.folder ?? enteredFolder(share, header.place);
  const { suffix } = backup;
  const delivery: Delivery = { replaces: false, rules: all, suffix, linksLeftOut, failed };
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
