/**
 * The decision: a peer's policy and a server command in, and out comes either the arguments rsync
 * is started with or a refusal. Pure: it opens, lists and follows nothing.
 */
import type { Option, Request } from './request.js';
import { isRsyncServer, readRequest, withSecludedWords } from './request.js';
import { fromDestination, inShare, isTop, wordInShare } from './paths.js';
import type { Policy } from './policy.js';
import { Refusal } from './refusal.js';
import { splitWords } from './words.js';
import type { Word } from './words.js';

/** How rsync is kept inside the share, strongest first; docs/security.md says what each promises. */
export type Level = 'bubblewrap' | 'landlock' | 'none';

export const levels: readonly Level[] = ['bubblewrap', 'landlock', 'none'];

export interface Confinement {
  readonly level: Level;
  /** The share's path as rsync sees it: `/share` in a bubblewrap sandbox, else its real path. */
  readonly root: string;
  /** Which of the protections that came with rsync 3.5.0 the installed one has. */
  readonly dropsDevices: boolean;
  readonly confinesRoot: boolean;
}

interface Place {
  readonly path: string;
  /** For the sender's wildcards: expanded inside the sandbox, where only the share is. */
  readonly pattern?: string;
}

export interface Decision {
  readonly direction: 'push' | 'pull';
  /** Arguments of rsync up to and with the lone `.`. */
  readonly arguments: readonly string[];
  /** What stands behind it; relative to the share's top. */
  readonly places: readonly Place[];
  /**
   * Of a push that may set them on the share's own folder: `A` for its ACL, `X` for its extended
   * attributes. The launcher gives the folder back its own.
   */
  readonly topAttributes: string;
  /** Whether rsync may write into a file that is there, instead of putting a new one in its place. */
  readonly writesInPlace: boolean;
  /** Whether anything in the share may be changed; else rsync sees it read-only. */
  readonly writes: boolean;
  /**
   * Where a push may delete; empty where it may not. Only the sandbox can tell whether a link makes
   * this the top of the share, and has to before rsync starts.
   */
  readonly deletesBelow: string;
}

/**
 * What uploads may bring. `--chmod` keeps set-id and sticky bits out, keeps folders open to their
 * owner (a folder sent with mode 0 would lock everybody out of it), and lets nothing become
 * writable for others. `--safe-links` leaves out links that lead out of what is sent.
 */
const uploadRules = ['--safe-links', '--chmod=Dug-s,D-t,Du+rwx,Do-w,Fug-s,F-t,Fo-w'];

/** What a session gets that does not ask for rsync at all. */
export class NotRsync extends Error {}

/**
 * Reads `command` (the text in `SSH_ORIGINAL_COMMAND`; undefined for a shell).
 *
 * Throws NotRsync where it is not meant for rsync, and Refusal.
 */
export function readCommand(command: string | undefined): Request {
  if (command === undefined || command.trim() === '') throw new NotRsync();
  if (!/^\S*rsync\s/.test(command)) throw new NotRsync();
  const words = splitWords(command);
  if (!isRsyncServer(words)) throw new NotRsync();
  return readRequest(words);
}

/** Throws Refusal. `secluded` are the words read from standard input where the request has `-s`. */
export function decide(
  policy: Policy,
  confinement: Confinement,
  request: Request,
  secluded: readonly Word[] = [],
): Decision {
  const whole = request.secluded ? withSecludedWords(request, secluded) : request;
  const direction = whole.sender ? 'pull' : 'push';
  checkAccess(policy, direction);
  const places = placesOf(whole, policy.share, confinement.level);
  checkEffects(whole, policy, places, confinement.level);
  const deletes = direction === 'push' && whole.options.some(isDeleting);

  const destination = direction === 'push' ? (places[0]?.path ?? '.') : '.';
  const mayReachTop = direction === 'push' && isTop(destination);
  const options = whole.options.flatMap((option) =>
    renderOption(option, destination, policy, confinement),
  );
  return {
    direction,
    arguments: [
      '--server',
      ...(whole.sender ? ['--sender'] : []),
      ...options,
      ...(direction === 'push' ? uploadRules : []),
      ...(direction === 'push' && confinement.dropsDevices ? ['--drop-D'] : []),
      ...(direction === 'push' && policy.access === 'write-only' ? wholeFiles(whole) : []),
      ...(confinement.confinesRoot ? [`--confine-root=${confinement.root}`] : []),
      // SECURITY: behind `--` a name that starts with a dash stays a name, also one that a wildcard
      // brings in (test/attacks/wildcard-option.test.ts).
      '--',
      '.',
    ],
    places,
    topAttributes: mayReachTop ? attributesOf(whole.options) : '',
    writesInPlace: whole.options.some(({ flag }) => ['--inplace', '--append'].includes(flag)),
    writes: direction === 'push' || whole.options.some(isRemovingSent),
    deletesBelow: deletes ? destination : '',
  };
}

/**
 * SECURITY: for an update the receiver sends checksums of what it has, and those of one-byte blocks
 * are the bytes themselves, so a write-only peer gets none
 * (test/attacks/write-only-lists-nothing.test.ts). Appending sends none anyway.
 */
function wholeFiles({ options }: Request): string[] {
  return options.some(({ flag }) => flag === '--append') ? [] : ['--whole-file'];
}

function isDeleting({ effects }: Option): boolean {
  return effects.includes('delete');
}

function isRemovingSent({ effects }: Option): boolean {
  return effects.includes('remove-sent');
}

function attributesOf(options: readonly Option[]): string {
  const letters = options.map(({ flag }) => /^-[^-e][^e]*/.exec(flag)?.[0] ?? '').join('');
  return ['A', 'X'].filter((letter) => letters.includes(letter)).join('');
}

function checkAccess(policy: Policy, direction: 'push' | 'pull'): void {
  if (direction === 'push' && policy.access === 'read-only') {
    throw new Refusal('this key may fetch files, not send them');
  }
  if (direction === 'pull' && policy.access === 'write-only') {
    throw new Refusal('this key may send files, not fetch or list them');
  }
}

function placesOf(request: Request, share: string, level: Level): Place[] {
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
  if (level !== 'bubblewrap') places.forEach(checkUnconfined);
  return places;
}

/** Without a sandbox a wildcard behind a link would be expanded in the folder the link leads to. */
function checkUnconfined(place: Place): void {
  if (place.pattern?.includes('/') === true) {
    throw new Refusal('a wildcard can only stand at the top of the share here', [
      'fetch the folder, or name the files',
    ]);
  }
}

function checkEffects(request: Request, policy: Policy, places: Place[], level: Level): void {
  const bringsLinks = request.options.some(({ effects }) => effects.includes('links'));
  for (const { flag, effects } of request.options) {
    if (effects.includes('follow') && level !== 'bubblewrap') {
      throw new Refusal(`${flag} is not allowed: links cannot be followed without a sandbox`);
    }
    const mayDelete = policy.allowDelete && policy.access === 'read-write';
    // SECURITY: d/e/x -> ../../y is inside what is sent, and through d/e -> .. it is stored where it
    // leads out of the share (test/attacks/planted-symlink.test.ts).
    if (!request.sender && effects.includes('pass-links') && bringsLinks) {
      throw new Refusal(`${flag} and -l (or -a) do not go together here`, [
        'a link could end where it leads out of the share: leave one of them out',
      ]);
    }
    const removes = request.sender ? effects.includes('remove-sent') : effects.includes('delete');
    if (!removes) continue;
    if (!mayDelete) {
      throw new Refusal(`${flag} is not allowed: this key may not delete in the share`, [
        'leave it out, or ask the owner to import your key with --allow-delete',
      ]);
    }
    if (
      !request.sender &&
      request.options.some((option) => option.effects.includes('pass-links'))
    ) {
      throw new Refusal(`${flag} does not go together with -K or --no-implied-dirs here`);
    }
    if (!request.sender && places.some((place) => isTop(place.path))) {
      throw new Refusal(`${flag} is not allowed at the top of the share, which others use too`, [
        'send into a folder of your own, as in HOST:backup/',
      ]);
    }
  }
}

function renderOption(
  option: Option,
  destination: string,
  policy: Policy,
  confinement: Confinement,
): string[] {
  const { share } = policy;
  const { flag, argument } = option;
  if (argument === undefined) return [flag];
  const joined = (text: string): string[] => [
    flag.startsWith('--') ? `${flag}=${text}` : `${flag}${text}`,
  ];
  if (argument.type.kind === 'text') return joined(argument.text);
  if (confinement.level !== 'bubblewrap' && argument.text.split('/').includes('..')) {
    throw new Refusal(`${flag} cannot climb with .. here`, [
      'name the folder from the top, as in /x',
    ]);
  }
  /** An absolute path for rsync means one place, a relative one means something else each time. */
  const place = (text: string): string[] =>
    joined(text.startsWith('/') ? `${confinement.root}${text}` : text);
  switch (argument.type.counts) {
    case 'basis':
      return place(fromDestination(argument.text, destination, share));
    case 'partial': {
      const path = inShare(argument.text, share);
      const named = policy.allowDelete ? path : ownPartialFolder(path);
      return place(argument.text.startsWith('/') ? `/${named}` : named);
    }
    case 'list':
      if (argument.text === '-') return joined('-');
      if (confinement.level !== 'bubblewrap') {
        throw new Refusal('--files-from cannot name a file on the receiving side here');
      }
      return joined(inShare(argument.text, share));
  }
}

/**
 * A file in the partial folder is removed when the one of its name is whole, so without leave to
 * delete no other folder may be passed off as one (test/attacks/path-options.test.ts). The name is
 * this side's own affair: the client never asks for it.
 */
function ownPartialFolder(path: string): string {
  return path.replace(/([^/]+)\/*$/, '.partial-$1');
}
