/**
 * The decision: a peer's policy and a server command in, rsync's arguments or a refusal out.
 *
 * rsync makes room by removing: a folder that is where a backup has to go, the file behind the name
 * of a part, a whole tree behind a link. So the client's places for these never reach rsync; the
 * session has a folder of its own for them (staging/folder.ts), and what may be written at all is
 * said here (`writes`) and held by the sandbox.
 */
import type { Effect, Value } from './options.js';
import type { Option, Request } from './request.js';
import { withSecludedWords } from './request.js';
import { commonFolder, fromDestination, inShare, isTop } from './paths.js';
import { resolveFrom, wordInShare } from './paths.js';
import type { Policy } from './policy.js';
import { Refusal } from './refusal.js';
import type { Word } from './words.js';

/** What the sandbox that rsync will run in can do. */
export interface Abilities {
  /** Whether nothing outside the share exists inside: no link and no wildcard leads out then. */
  readonly hidesOutside: boolean;
  /** The share's path as rsync sees it. */
  readonly root: string;
  /** Whether rsync gets `--drop-D`, which makes no devices, and `--confine-root`. */
  readonly dropsDevices: boolean;
  readonly confinesRoot: boolean;
}

interface Place {
  readonly path: string;
  /** For the sender's wildcards: expanded inside the sandbox, where only the share is. */
  readonly pattern?: string;
}

/**
 * What rsync may write.
 *
 * - `share`: all of the share, and nothing in it is removed.
 * - `folder`: what is below this path and nothing else, for what deletes. It is never the top.
 * - `own`: an empty folder of the session's own, from which whole files are delivered into the
 *   share afterwards (deliver.ts). A key that may only send sees nothing else.
 */
type Writes =
  | { readonly kind: 'nothing' | 'share' | 'own' }
  | { readonly kind: 'folder'; readonly path: string };

/** Where replaced files are to be kept: beside them, or in `folder`, which counts from the top. */
export interface Backup {
  readonly folder?: string;
  readonly suffix: string;
}

/** Which of the files that were sent into an own folder are not delivered. */
export type DeliveryRules = Readonly<
  Record<'onlyExisting' | 'neverExisting' | 'onlyNewer', boolean>
>;

export interface Decision {
  readonly direction: 'push' | 'pull';
  /** Arguments of rsync, without the `-- .` that ends them. */
  readonly arguments: readonly string[];
  /** What goes behind it; relative to the share's top. */
  readonly places: readonly Place[];
  readonly writes: Writes;
  /** Whether the client wants parts of files kept. */
  readonly keepsParts: boolean;
  readonly backup?: Backup;
  /** Whether what is new gets the client's permissions, of all folders that may have to be made too. */
  readonly permissions: boolean;
  readonly sendsModes: boolean;
  /** `A` for ACLs, `X` for extended attributes: folders that are there get theirs back. */
  readonly attributes: string;
  /** Where links are looked at afterwards, since they could be stored where they lead out. */
  readonly checksLinks: 'nowhere' | 'place' | 'share';
  /** Whether rsync may write into a file that is there, instead of putting a new one in its place. */
  readonly writesInPlace: boolean;
  /** Whether files may get a second name, and whether folders above the destination are made. */
  readonly makesLinks: boolean;
  readonly makesPath: boolean;
  readonly delivery: DeliveryRules;
}

/**
 * `--chmod` keeps set-id and sticky bits out, keeps folders open to their owner, who would be locked
 * out of one, and lets nothing become writable for others. `--safe-links` leaves out links that lead out.
 */
const uploadRules = ['--safe-links', '--chmod=Dug-s,D-t,Du+rwx,Do-w,Fug-s,F-t,Fo-w'];

interface Asked {
  readonly request: Request;
  readonly policy: Policy;
  readonly abilities: Abilities;
  readonly places: readonly Place[];
  /** Of a push; of a pull the top. */
  readonly destination: string;
  readonly isPush: boolean;
}

/** Throws Refusal. `secluded` are the words read from standard input where the request has `-s`. */
export function decide(
  policy: Policy,
  abilities: Abilities,
  request: Request,
  secluded: readonly Word[] = [],
): Decision {
  const whole = request.secluded ? withSecludedWords(request, secluded) : request;
  const isPush = !whole.sender;
  if (isPush && policy.access === 'read-only') {
    throw new Refusal('this key may fetch files, not send them');
  }
  if (!isPush && policy.access === 'write-only') {
    throw new Refusal('this key may send files, not fetch or list them');
  }
  const places = placesOf(whole, policy.share, abilities.hidesOutside);
  const destination = isPush ? (places[0]?.path ?? '.') : '.';
  const asked: Asked = { request: whole, policy, abilities, places, destination, isPush };
  checkEffects(asked);
  const options = whole.options.flatMap((option) => renderOption(option, asked));
  const asks = (effect: Effect): boolean => isPush && has(whole, effect);
  const isStaged = isPush && policy.access === 'write-only';
  const inPlace = asks('in-place') || asks('append');
  const backup = asks('backup') ? backupOf(whole, destination, policy.share) : undefined;
  return {
    direction: isPush ? 'push' : 'pull',
    arguments: [
      '--server',
      ...(isPush ? [] : ['--sender']),
      ...(asks('links') && asks('hard-links') ? options.map(withoutIncremental) : options),
      ...(isPush ? uploadRules : []),
      ...(isPush && abilities.dropsDevices ? ['--drop-D'] : []),
      ...(abilities.confinesRoot ? [`--confine-root=${abilities.root}`] : []),
    ],
    places,
    writes: writesOf(whole, places, destination, isStaged),
    // rsync refuses --partial-dir beside these; they keep what has come where it is. Where they are
    // left out, a client that appends would still take no checksums of a part.
    keepsParts: asks('part') && !(isStaged ? asks('append') : inPlace),
    ...(backup === undefined ? {} : { backup }),
    permissions: asks('permissions') && !isStaged,
    sendsModes: !asks('pass-links') && !asks('make-path'),
    attributes: isStaged ? '' : [asks('acls') ? 'A' : '', asks('attributes') ? 'X' : ''].join(''),
    checksLinks: asks('links') && !isStaged ? linksCheck(whole) : 'nowhere',
    writesInPlace: inPlace && !isStaged,
    makesLinks: (asks('basis-links') || asks('hard-links')) && !isStaged,
    makesPath: asks('make-path'),
    delivery: {
      onlyExisting: asks('only-existing'),
      neverExisting: asks('never-existing'),
      onlyNewer: asks('only-newer'),
    },
  };
}

/**
 * Without `i` among what the client says it can do, which follows `e`, the whole list of files comes
 * first. Otherwise rsync 3.5.0 hangs where `--safe-links` leaves out the first of hard-linked links.
 */
function withoutIncremental(word: string): string {
  return word.replace(/^(-[^-e][^e]*e|-e)([^i]*)i/, '$1$2');
}

/**
 * SECURITY: rsync makes hard links before it looks at where a link leads, so with -H one that was
 * judged deep in the tree gets a second name further up. And with `--ignore-existing` it continues
 * through a link that has a folder's name, as with -K (test/attacks/planted-symlink.test.ts).
 */
function linksCheck(request: Request): Decision['checksLinks'] {
  if (has(request, 'never-existing')) return 'share';
  return has(request, 'hard-links') ? 'place' : 'nowhere';
}

function has(request: Request, effect: Effect): boolean {
  return request.options.some(({ effects }) => effects.includes(effect));
}

/**
 * SECURITY: what deletes can write in one folder only, which never is the top
 * (test/attacks/delete-without-leave.test.ts). A basis folder (`--link-dest`) belongs to it as long
 * as both have a folder below the top in common: hard links reach no further than that.
 */
function writesOf(
  request: Request,
  places: readonly Place[],
  destination: string,
  isStaged: boolean,
): Writes {
  // Also for a dry run: it would tell by what it would do.
  if (isStaged) return { kind: 'own' };
  if (has(request, 'dry-run')) return { kind: 'nothing' };
  if (request.sender) {
    return has(request, 'remove-sent')
      ? { kind: 'folder', path: commonFolder(places.map(folderOfPlace)) }
      : { kind: 'nothing' };
  }
  if (!has(request, 'delete')) return { kind: 'share' };
  const basis = request.options
    .filter(({ effects }) => effects.includes('basis-links'))
    .map(({ argument }) => resolveFrom(destination, argument?.text ?? ''));
  const common = commonFolder([destination, ...basis]);
  return { kind: 'folder', path: isTop(common) ? commonFolder([destination]) : common };
}

/** Of a wildcard, the folder that it is expanded in. */
function folderOfPlace({ path, pattern }: Place): string {
  if (pattern === undefined) return path;
  return pattern.slice(0, pattern.search(/[*?[\\]/)).replace(/[^/]*$/, '');
}

function backupOf(request: Request, destination: string, share: string): Backup {
  const last = (effect: Effect): string | undefined =>
    request.options.findLast(({ effects }) => effects.includes(effect))?.argument?.text;
  const folder = last('backup-folder');
  const suffix = last('backup-suffix') ?? (folder === undefined ? '~' : '');
  if (folder === undefined) return { suffix };
  return { folder: resolveFrom(destination, fromDestination(folder, destination, share)), suffix };
}

function placesOf(request: Request, share: string, hidesOutside: boolean): Place[] {
  const words = request.paths.filter((word) => word.text !== '');
  if (words.length === 0) return [{ path: '.' }];
  if (!request.sender) {
    if (words.length > 1) {
      throw new Refusal('more than one destination was named', [
        'a name with a space in it needs a backslash before the space, or rsync -s',
      ]);
    }
    // Only the sender's wildcards are expanded: a destination is one place, spelled out.
    return words.map((word) => ({ path: wordInShare(word, share).path }));
  }
  const places = words.map((word) => wordInShare(word, share));
  // Without a sandbox a wildcard behind a link would be expanded in the folder the link leads to.
  if (!hidesOutside && places.some(({ pattern }) => pattern?.includes('/') === true)) {
    throw new Refusal('a wildcard can only be at the top of the share here', [
      'fetch the folder, or name the files',
    ]);
  }
  return places;
}

function checkEffects(asked: Asked): void {
  const { request, abilities, isPush } = asked;
  for (const { flag, effects } of request.options) {
    if (effects.includes('follow') && !abilities.hidesOutside) {
      throw new Refusal(`${flag} is not allowed: links cannot be followed without a sandbox`);
    }
    // SECURITY: d/e/x -> ../../y is inside what is sent, and through d/e -> .. it is stored where it
    // leads out of the share (test/attacks/planted-symlink.test.ts).
    if (isPush && effects.includes('pass-links') && has(request, 'links')) {
      throw new Refusal(`${flag} and -l (or -a) do not go together here`, [
        'a link could end where it leads out of the share: leave one of them out',
      ]);
    }
    if (effects.includes(isPush ? 'delete' : 'remove-sent')) checkRemoval(flag, asked);
  }
}

function checkRemoval(flag: string, { request, policy, places, isPush }: Asked): void {
  if (!policy.allowDelete || policy.access !== 'read-write') {
    throw new Refusal(`${flag} is not allowed: this key may not delete in the share`, [
      'leave it out, or ask the owner to import your key with --allow-delete',
    ]);
  }
  if (isPush && has(request, 'pass-links')) {
    throw new Refusal(`${flag} does not go together with -K or --no-implied-dirs here`);
  }
  const folders = places.map(folderOfPlace);
  if (!(isPush ? folders : [commonFolder(folders)]).some(isTop)) return;
  throw new Refusal(`${flag} is not allowed at the top of the share, which others use too`, [
    isPush
      ? 'send into a folder of your own, as in HOST:backup/'
      : 'fetch from one folder at a time, as in HOST:backup/',
  ]);
}

/** The client's own places and conditions that are kept without rsync, or not at all. */
const neverForRsync = 'part temporary backup backup-folder backup-suffix'.split(' ');

/** In a folder that is empty these mean nothing, or would say what is in the share. */
const notInOwnFolder = 'basis-links in-place append only-existing never-existing'.split(' ');

function renderOption({ flag, effects, argument }: Option, asked: Asked): string[] {
  const { policy, isPush } = asked;
  const value =
    argument === undefined ? '' : renderValue(flag, argument.text, argument.type, asked);
  const isOurs = isPush && policy.access === 'write-only';
  const leftOut = [...neverForRsync, ...(isOurs ? notInOwnFolder : [])];
  if (isPush && effects.some((effect) => leftOut.includes(effect))) return [];
  if (argument === undefined) return [flag];
  return [flag.startsWith('--') ? `${flag}=${value}` : `${flag}${value}`];
}

function renderValue(flag: string, text: string, type: Value, asked: Asked): string {
  if (type.kind === 'text') return text;
  const { policy, abilities, destination, isPush } = asked;
  if (!abilities.hidesOutside && text.split('/').includes('..')) {
    throw new Refusal(`${flag} cannot climb with .. here`, [
      'name the folder from the top, as in /x',
    ]);
  }
  switch (type.counts) {
    case 'basis': {
      // An absolute path for rsync means one place, a relative one something else each time.
      const place = fromDestination(text, destination, policy.share);
      return place.startsWith('/') ? `${abilities.root}${place}` : place;
    }
    case 'partial':
      return inShare(text, policy.share);
    case 'list': {
      if (text === '-') return text;
      const list = inShare(text, policy.share);
      // SECURITY: each line of a list that the receiving side reads comes back in error messages, so
      // a push takes its list from standard input only (test/attacks/files-from.test.ts).
      if (!isPush && abilities.hidesOutside) return list;
      throw new Refusal(`${flag} cannot name a file on the receiving side here`, [
        'name a list of your own, without a colon in front',
      ]);
    }
  }
}
