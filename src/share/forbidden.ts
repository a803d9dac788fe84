/**
 * Folders that must not be given to a peer, no matter who may write them: what is put there is run,
 * or read as settings, by the owner's own programs.
 */
import { lstatSync, readFileSync, realpathSync } from 'node:fs';
import { homedir } from 'node:os';
import { basename, delimiter, dirname, join } from 'node:path';
import { configFolder, dataFolder, stateFolder } from '../system/folders.js';
import { namesIn } from '../system/readable.js';
import { lookForTool } from '../system/tools.js';

interface ForbiddenPlace {
  readonly place: string;
  readonly what: string;
  /** Whether a folder inside the place is forbidden too, not only one that holds it. */
  readonly inside: boolean;
}

/** Why the folder at the real path `path` cannot be a share; undefined where nothing is known. */
export function whyForbidden(path: string): string | undefined {
  const found = forbiddenPlaces().find(
    ({ place, inside }) => holds(path, place) || (inside && holds(place, path)),
  );
  return found?.what ?? whyHidden(path);
}

/**
 * In the home, and wherever people keep their work, a folder whose name begins with a dot belongs to
 * a program: `.gnupg`, `.cargo/bin`, `.git/hooks`. There are too many to list.
 */
function whyHidden(path: string): string | undefined {
  const home = realPath(homedir());
  const parts = (holds(home, path) ? path.slice(home.length) : path).split('/');
  const hidden = parts.find((part) => part.startsWith('.'));
  return hidden && `${hidden} is a hidden folder, in which programs keep their settings`;
}

function forbiddenPlaces(): ForbiddenPlace[] {
  const home = homedir();
  const settings = 'it holds the settings of your programs';
  const programs = 'programs are run from there';
  const ours = "it holds pysync's own files";
  return [
    { place: home, what: 'it holds your home directory', inside: false },
    { place: join(home, '.ssh'), what: 'it holds ssh keys', inside: true },
    { place: join(home, '.config'), what: settings, inside: true },
    // Those of snaps, and of programs on macOS.
    { place: join(home, 'snap'), what: settings, inside: true },
    { place: join(home, 'Library'), what: settings, inside: true },
    { place: join(home, '.local/bin'), what: programs, inside: true },
    { place: join(home, 'bin'), what: programs, inside: true },
    { place: join(home, 'Applications'), what: programs, inside: true },
    { place: dataFolder(), what: ours, inside: true },
    { place: stateFolder(), what: ours, inside: true },
    { place: configFolder(), what: ours, inside: true },
    ...['/etc', '/usr', '/bin', '/sbin', '/lib', '/boot', '/dev', '/proc', '/sys', '/run'].map(
      (place) => ({ place, what: 'it belongs to the system', inside: true }),
    ),
    { place: ownFolder(), what: 'pysync itself is run from there', inside: true },
    ...programPlaces().map((place) => ({ place, what: programs, inside: false })),
  ]
    .map(({ place, ...rest }) => ({ place: realPath(place), ...rest }))
    .concat(hiddenLinks(home));
}

/** pysync's own code, and that of the packages beside it. */
function ownFolder(): string {
  const root = join(__dirname, '../..');
  return basename(dirname(root)) === 'node_modules' ? dirname(root) : root;
}

/** Where the shell finds programs, and those that pysync runs. */
function programPlaces(): string[] {
  const folders = (process.env['PATH'] ?? '').split(delimiter);
  const found = [...folders, dirname(process.execPath), onReceived(), lookForTool('rsync') ?? ''];
  return found.filter((place) => place.startsWith('/') && place !== '/');
}

/** The owner's program that runs when files have come; conf would take longer to load than to read. */
function onReceived(): string {
  try {
    const file = readFileSync(join(configFolder(), 'config.json'), 'utf8');
    return String((JSON.parse(file) as Readonly<Record<string, unknown>>)['on-received']);
  } catch {
    return '';
  }
}

/** What the home's hidden files and folders are links to, as with `~/.bashrc` in `~/dotfiles`. */
function hiddenLinks(home: string): ForbiddenPlace[] {
  const realHome = realPath(home);
  return namesIn(home).flatMap((name) => {
    const path = join(home, name);
    const isLink =
      name.startsWith('.') && lstatSync(path, { throwIfNoEntry: false })?.isSymbolicLink() === true;
    const place = isLink ? realPath(path) : realHome;
    const what = `your ~/${name} leads there`;
    return holds(place, realHome) ? [] : [{ place, what, inside: true }];
  });
}

/** Whether `outer` is `inner` or a directory above it. */
export function holds(outer: string, inner: string): boolean {
  return inner === outer || inner.startsWith(outer === '/' ? '/' : `${outer}/`);
}

/** Like realpath, for a path whose last parts need not exist. */
export function realPath(path: string): string {
  try {
    return realpathSync(path);
  } catch {
    const parent = dirname(path);
    return parent === path ? path : join(realPath(parent), basename(path));
  }
}
