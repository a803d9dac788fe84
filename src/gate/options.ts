/**
 * Every option the gate lets through, and for some it does not, why. An option that is not in one
 * of these tables is refused. test/unit/gate/corpus.test.ts holds them against what real clients
 * send.
 */

/**
 * What a value may be. A `path` is checked and mapped into the share:
 * - `basis`: counts from the destination and may climb within the share (`../daily.1`);
 * - `partial`: counts from each folder of the transfer, so it may not climb at all;
 * - `list`: a file on this side that names what to send, or `-` for the connection.
 */
export type Value =
  | { readonly kind: 'text'; readonly form: RegExp }
  | { readonly kind: 'path'; readonly counts: 'basis' | 'partial' | 'list' };

/**
 * What decide.ts has to know of an option beyond its value.
 *
 * - `delete`: removes what is in the share. On a push it needs `--allow-delete`, on a pull it acts
 *   at the other side and is harmless. `remove-sent` is the other way round.
 * - `follow`: follows links, which only a sandbox makes harmless.
 * - `pass-links`: a push goes through links to folders, so that what `--safe-links` has judged by
 *   its name ends in another folder.
 * - `links`, `hard-links`: brings links. `basis-links`: makes hard links to what is in the share.
 * - `permissions`, `acls`, `attributes`: sets these, also of folders that are there.
 * - `part`: asks to keep parts of files. `temporary`, `backup`, `backup-folder`, `backup-suffix`:
 *   names places of the receiving side's own. None of these reaches rsync as the client said it:
 *   rsync removes what is in the way of such places (see decide.ts).
 * - `in-place`, `append`: writes into a file that is there, in place of putting a new one there.
 * - `only-existing`, `never-existing`, `only-newer`: leaves out files by what is there.
 * - `dry-run`: changes nothing. `make-path`: makes the folders above the destination.
 */
export type Effect =
  | 'delete'
  | 'remove-sent'
  | 'follow'
  | 'pass-links'
  | 'links'
  | 'hard-links'
  | 'basis-links'
  | 'permissions'
  | 'acls'
  | 'attributes'
  | 'part'
  | 'temporary'
  | 'backup'
  | 'backup-folder'
  | 'backup-suffix'
  | 'in-place'
  | 'append'
  | 'only-existing'
  | 'never-existing'
  | 'only-newer'
  | 'dry-run'
  | 'make-path';

export interface LongOption {
  readonly value?: Value;
  readonly effect?: Effect;
  /** Known to Apple's openrsync only, and without it nothing is lost. */
  readonly drop?: boolean;
}

const number: Value = { kind: 'text', form: /^-?\d{1,18}$/ };
const size: Value = { kind: 'text', form: /^\d{1,18}(?:\.\d{1,9})?[a-zA-Z]{0,3}(?:[+-]1)?$/ };
const list: Value = { kind: 'text', form: /^[A-Za-z0-9_,./:+=-]{0,4096}$/ };
/** Free text that rsync uses as a format or as part of a name; without a slash it is no path. */
const text: Value = { kind: 'text', form: /^[^/]{0,256}$/ };
const idMap: Value = { kind: 'text', form: /^[^/]{1,4096}$/ };
const basis: Value = { kind: 'path', counts: 'basis' };

export const longOptions: ReadonlyMap<string, LongOption> = new Map(
  Object.entries({
    append: { effect: 'append' },
    backup: { effect: 'backup' },
    'backup-dir': { value: basis, effect: 'backup-folder' },
    bwlimit: { value: size },
    cache: { drop: true },
    'checksum-choice': { value: list },
    'checksum-seed': { value: number },
    'compare-dest': { value: basis },
    'compress-choice': { value: list },
    'compress-level': { value: number },
    'copy-dest': { value: basis },
    'copy-unsafe-links': { effect: 'follow' },
    'delay-updates': { effect: 'part' },
    delete: { effect: 'delete' },
    'delete-after': { effect: 'delete' },
    'delete-before': { effect: 'delete' },
    'delete-delay': { effect: 'delete' },
    'delete-during': { effect: 'delete' },
    'delete-excluded': { effect: 'delete' },
    'delete-missing-args': { effect: 'delete' },
    dirs: {},
    executability: {},
    existing: { effect: 'only-existing' },
    'files-from': { value: { kind: 'path', counts: 'list' } },
    force: { effect: 'delete' },
    from0: {},
    fsync: {},
    fuzzy: {},
    groupmap: { value: idMap },
    iconv: { value: { kind: 'text', form: /^[A-Za-z0-9_.,:@-]{1,64}$/ } },
    'ignore-errors': {},
    'ignore-existing': { effect: 'never-existing' },
    'ignore-missing-args': {},
    'ignore-non-existing': { effect: 'only-existing' },
    'ignore-times': {},
    info: { value: list },
    inplace: { effect: 'in-place' },
    'link-dest': { value: basis, effect: 'basis-links' },
    'list-only': {},
    'log-format': { value: text },
    'max-delete': { value: number },
    'max-size': { value: size },
    'min-size': { value: size },
    mkpath: { effect: 'make-path' },
    'modify-window': { value: number },
    msgs2stderr: {},
    'new-compress': {},
    'no-implied-dirs': { effect: 'pass-links' },
    'no-msgs2stderr': {},
    'no-r': {},
    'no-relative': {},
    'no-specials': {},
    'no-super': {},
    'no-W': {},
    'numeric-ids': {},
    'old-compress': {},
    'open-noatime': {},
    'out-format': { value: text },
    partial: { effect: 'part' },
    'partial-dir': { value: { kind: 'path', counts: 'partial' }, effect: 'part' },
    preallocate: {},
    'prune-empty-dirs': {},
    relative: {},
    'remove-sent-files': { effect: 'remove-sent' },
    'remove-source-files': { effect: 'remove-sent' },
    'safe-links': {},
    'size-only': {},
    'skip-compress': { value: list },
    specials: {},
    stats: {},
    stderr: { value: { kind: 'text', form: /^[a-z]{1,10}$/ } },
    suffix: { value: text, effect: 'backup-suffix' },
    'temp-dir': { value: basis, effect: 'temporary' },
    timeout: { value: number },
    'use-qsort': {},
    usermap: { value: idMap },
  } satisfies Record<string, LongOption>),
);

/** Single letters without a value; `e`, `s`, `B`, `T`, `@` and `M` are read by request.ts. */
export const shortOptions: ReadonlyMap<string, Effect | undefined> = new Map<
  string,
  Effect | undefined
>([
  ...'0bcdghimnopqrtuvxyzACDEHIJNORSUWX8'.split('').map((letter) => [letter, undefined] as const),
  ['l', 'links'],
  ['L', 'follow'],
  ['k', 'follow'],
  ['K', 'pass-links'],
  ['H', 'hard-links'],
  ['p', 'permissions'],
  ['A', 'acls'],
  ['X', 'attributes'],
  ['b', 'backup'],
  ['u', 'only-newer'],
  ['n', 'dry-run'],
]);

/** Letters with a value, joined (`-B700`) or in the next word. */
export const shortValues: ReadonlyMap<string, LongOption & { readonly value: Value }> = new Map<
  string,
  LongOption & { readonly value: Value }
>([
  ['B', { value: number }],
  ['@', { value: number }],
  ['T', { value: basis, effect: 'temporary' }],
]);

/** Options that people or programs do send, with the reason why not. All others get a general one. */
export const refusedOptions: ReadonlyMap<string, string> = new Map([
  ['daemon', 'an rsync daemon cannot be started with this key'],
  ['config', 'an rsync daemon cannot be started with this key'],
  ['log-file', 'a log file cannot be written on the receiving side'],
  ['log-file-format', 'a log file cannot be written on the receiving side'],
  ['write-devices', 'devices cannot be written'],
  ['copy-devices', 'devices cannot be read'],
  ['super', 'the receiving side keeps the rights of an ordinary user'],
  ['fake-super', 'the receiving side does not store faked owners and devices'],
  ['debug', 'debugging output of the receiving side is not given out'],
  ['max-alloc', "the receiving side's memory limit is its own"],
  ['write-batch', 'batch files cannot be written on the receiving side'],
  ['only-write-batch', 'batch files cannot be written on the receiving side'],
  ['read-batch', 'batch files cannot be read on the receiving side'],
  [
    'extended-attributes',
    "Apple's own attribute format is not understood here; leave out -E (--extended-attributes)",
  ],
]);
