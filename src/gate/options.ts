/**
 * Every option that is let through, and for some that are not, why. One that is in no table is refused.
 * test/unit/gate/corpus.test.ts holds them against what real clients send.
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
 * - `delete` removes what is in the share on a push, `remove-sent` on a pull; elsewhere they act at
 *   the other side.
 * - `follow` follows links, which only a sandbox makes harmless. `pass-links`: a push goes through links
 *   to folders, so that what `--safe-links` has judged by its name ends in another folder.
 * - `links`, `hard-links` bring links; `basis-links` makes hard links to what is in the share.
 * - `part` asks to keep parts of files; `temporary` and the three of backups name places of the
 *   receiving side's own, from which rsync removes what is in the way (see decide.ts).
 * - `in-place`, `append` write into a file that is there.
 * - `only-existing`, `never-existing`, `only-newer` leave out files by what is there.
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
/** Free text that rsync uses as a format or as part of a name; without a slash it is not a path. */
const text: Value = { kind: 'text', form: /^[^/]{0,256}$/ };
const idMap: Value = { kind: 'text', form: /^[^/]{1,4096}$/ };
const basis: Value = { kind: 'path', counts: 'basis' };

/** Each of these names, with the same option. */
function each(names: string, option: LongOption = {}): [string, LongOption][] {
  return names.split(' ').map((name) => [name, option]);
}

export const longOptions: ReadonlyMap<string, LongOption> = new Map([
  ...each('dirs executability from0 fsync fuzzy ignore-errors ignore-missing-args ignore-times'),
  ...each(
    'list-only msgs2stderr new-compress no-msgs2stderr no-r no-relative no-specials no-super',
  ),
  ...each('no-W numeric-ids old-compress open-noatime preallocate prune-empty-dirs relative'),
  ...each('safe-links size-only specials stats use-qsort'),
  ...each('cache', { drop: true }),

  ...each('append', { effect: 'append' }),
  ...each('backup', { effect: 'backup' }),
  ...each('copy-unsafe-links', { effect: 'follow' }),
  ...each('delete delete-after delete-before delete-delay delete-during', { effect: 'delete' }),
  ...each('delete-excluded delete-missing-args force', { effect: 'delete' }),
  ...each('delay-updates partial', { effect: 'part' }),
  ...each('existing ignore-non-existing', { effect: 'only-existing' }),
  ...each('ignore-existing', { effect: 'never-existing' }),
  ...each('inplace', { effect: 'in-place' }),
  ...each('mkpath', { effect: 'make-path' }),
  ...each('no-implied-dirs', { effect: 'pass-links' }),
  ...each('remove-sent-files remove-source-files', { effect: 'remove-sent' }),

  ...each('checksum-choice compress-choice info skip-compress', { value: list }),
  ...each('checksum-seed compress-level max-delete modify-window timeout', { value: number }),
  ...each('bwlimit max-size min-size', { value: size }),
  ...each('groupmap usermap', { value: idMap }),
  ...each('iconv', { value: { kind: 'text', form: /^[A-Za-z0-9_.,:@-]{1,64}$/ } }),
  ...each('log-format out-format', { value: text }),
  ...each('stderr', { value: { kind: 'text', form: /^[a-z]{1,10}$/ } }),
  ...each('suffix', { value: text, effect: 'backup-suffix' }),

  ...each('backup-dir', { value: basis, effect: 'backup-folder' }),
  ...each('compare-dest copy-dest', { value: basis }),
  ...each('link-dest', { value: basis, effect: 'basis-links' }),
  ...each('temp-dir', { value: basis, effect: 'temporary' }),
  ...each('partial-dir', { value: { kind: 'path', counts: 'partial' }, effect: 'part' }),
  ...each('files-from', { value: { kind: 'path', counts: 'list' } }),
]);

/** Single letters without a value; `e`, `s`, `B`, `T`, `@` and `M` are read by request.ts. */
export const shortOptions: ReadonlyMap<string, Effect | undefined> = new Map<
  string,
  Effect | undefined
>([
  ...Array.from('0cdghimoqrtvxyzCDEIJNORSUWX8', (letter) => [letter, undefined] as const),
  ...([
    ['l', 'links'],
    ['L', 'follow'],
    ['k', 'follow'],
    ['K', 'pass-links'],
  ] as const),
  ...([
    ['H', 'hard-links'],
    ['p', 'permissions'],
    ['A', 'acls'],
    ['X', 'attributes'],
  ] as const),
  ...([
    ['b', 'backup'],
    ['u', 'only-newer'],
    ['n', 'dry-run'],
  ] as const),
]);

/** Letters with a value, joined (`-B700`) or in the next word. */
export const shortValues: ReadonlyMap<string, LongOption & { readonly value: Value }> = new Map([
  ['B', { value: number }],
  ['@', { value: number }],
  ['T', { value: basis, effect: 'temporary' }],
]);

/** Options that people or programs do send, with the reason why not. All others get a general one. */
export const refusedOptions: ReadonlyMap<string, string> = new Map(
  Object.entries({
    'an rsync daemon cannot be started with this key': 'daemon config',
    'a log file cannot be written on the receiving side': 'log-file log-file-format',
    'devices cannot be written': 'write-devices',
    'devices cannot be read': 'copy-devices',
    'the receiving side keeps the rights of an ordinary user': 'super',
    'the receiving side does not store faked owners and devices': 'fake-super',
    'debugging output of the receiving side is not given out': 'debug',
    "the receiving side's memory limit is its own": 'max-alloc',
    'batch files cannot be written on the receiving side': 'write-batch only-write-batch',
    'batch files cannot be read on the receiving side': 'read-batch',
    "Apple's own attribute format is not understood here; leave out -E (--extended-attributes)":
      'extended-attributes',
  }).flatMap(([reason, names]) => names.split(' ').map((name) => [name, reason] as const)),
);
