/** Option values as people write them, checked before anything is touched. */
import { isIP } from 'node:net';
import { PysyncError } from '../../errors.js';
import { accesses, isPeerName } from '../../gate/policy.js';
import type { Access } from '../../gate/policy.js';
import { lanNetworks, networkOf } from '../../system/network.js';

export type Options = Readonly<Record<string, unknown>>;

/** A string option, or undefined where it was not given. */
export function text(options: Options, name: string): string | undefined {
  const value = options[name];
  return typeof value === 'string' ? value : undefined;
}

export function usage(message: string, ...hints: string[]): PysyncError {
  return new PysyncError('USAGE', message, { exitStatus: 2, hints });
}

/** `--dir`, as it was typed. */
export function readFolder(options: Options): string | undefined {
  const folder = text(options, 'dir');
  // The empty path would mean the folder pysync happens to be run in.
  if (folder === '') throw usage('--dir is empty', 'name a folder, such as --dir ~/from-bob');
  return folder;
}

export function readAccess(options: Options): Access {
  const value = text(options, 'access') ?? 'read-write';
  const access = accesses.find((known) => known === value);
  if (access === undefined) {
    throw usage(`--access ${value} is not known`, `it is one of: ${accesses.join(', ')}`);
  }
  return access;
}

/** Whether the peer may delete; only a peer who may send and look can be given that. */
export function readAllowDelete(options: Options): boolean {
  if (options['allowDelete'] !== true) return false;
  const access = readAccess(options);
  if (access === 'read-write') return true;
  const why = access === 'read-only' ? 'it could not delete' : 'deleting shows the names of files';
  throw usage(`--allow-delete does not go together with --access ${access}: ${why}`);
}

export function readName(options: Options): string | undefined {
  const name = text(options, 'name');
  if (name === undefined || isPeerName(name)) return name;
  throw usage(
    `--name '${name}' cannot be used`,
    'a name has up to 64 letters, digits and . _ @ + - and starts with a letter or digit',
  );
}

/** The patterns for sshd's `from=`: addresses and networks. */
export function readFrom(options: Options): readonly string[] {
  const value = text(options, 'from');
  if (value === undefined) return [];
  if (value === 'lan') {
    const networks = lanNetworks();
    if (networks.length > 0) return [...new Set(networks)];
    throw new PysyncError('NO_NETWORK', 'this machine is in no network, so --from lan is empty');
  }
  return value.split(',').map((part) => {
    const [address = '', length, ...more] = part.trim().split('/');
    const family = isIP(address);
    const longest = family === 6 ? 128 : 32;
    const isLength = length === undefined || (/^\d{1,3}$/.test(length) && +length <= longest);
    if (family !== 0 && isLength && more.length === 0) return networkOf(part.trim());
    throw usage(
      `--from '${part}' is neither an address nor a network`,
      'write lan, or addresses as in 192.168.1.7,10.0.0.0/8',
    );
  });
}

const units: Readonly<Record<string, number>> = { h: 3600, d: 86_400, w: 604_800 };

/** When a key stops working; a date means the end of that day here. Undefined: never. */
export function readExpires(options: Options, now: Date): Date | undefined {
  const value = text(options, 'expires');
  if (value === undefined || value === 'never') return undefined;
  const span = spanOf(value);
  const expires = span === undefined ? endOfDay(value) : new Date(now.getTime() + span);
  if (expires === undefined) {
    throw usage(
      `--expires '${value}' is neither a time span nor a date`,
      'write 12h, 30d, 2w, or a date as 2026-12-31',
    );
  }
  if (expires <= now) throw usage(`--expires ${value} is in the past`);
  return expires;
}

/** Milliseconds of `12h`, `30d` or `2w`. */
function spanOf(value: string): number | undefined {
  const [, count = '', unit = ''] = /^(\d{1,5})([hdw])$/.exec(value) ?? [];
  const seconds = units[unit];
  return seconds === undefined ? undefined : +count * seconds * 1000;
}

/** The first moment of `2026-12-31`, here. */
function startOfDay(value: string): Date | undefined {
  const [, year = '', month = '', day = ''] = /^(\d{4})-(\d\d)-(\d\d)$/.exec(value) ?? [];
  if (year === '') return undefined;
  const date = new Date(+year, +month - 1, +day);
  // A 31 of February comes out as another day.
  return date.getMonth() === +month - 1 && date.getDate() === +day ? date : undefined;
}

function endOfDay(value: string): Date | undefined {
  const date = startOfDay(value);
  date?.setHours(23, 59, 59);
  return date;
}

/** The moment `--since` means; a date means the beginning of that day here. Undefined: always. */
export function readSince(options: Options, now: Date): Date | undefined {
  const value = text(options, 'since');
  if (value === undefined) return undefined;
  const span = spanOf(value);
  const since = span === undefined ? startOfDay(value) : new Date(now.getTime() - span);
  if (since !== undefined) return since;
  throw usage(
    `--since '${value}' is neither a time span nor a date`,
    'write 12h, 2d, 2w, or a date as 2026-12-31',
  );
}

/** `-n`: how many; undefined where it was not given. */
export function readCount(options: Options): number | undefined {
  const value = text(options, 'count');
  if (value === undefined || /^[1-9]\d{0,8}$/.test(value)) {
    return value === undefined ? undefined : Number(value);
  }
  throw usage(`-n '${value}' is not a whole number from 1 on`);
}

/** `--port`; undefined where it was not given. */
export function readPort(options: Options): number | undefined {
  const value = text(options, 'port');
  if (value === undefined) return undefined;
  if (/^[1-9]\d{0,4}$/.test(value) && Number(value) <= 65_535) return Number(value);
  throw usage(`--port '${value}' is not a port`, 'it is a number from 1 to 65535, such as 2222');
}

/** `--wait` in seconds, from a tenth of one to five minutes; undefined where it was not given. */
export function readWait(options: Options): number | undefined {
  const value = text(options, 'wait');
  if (value === undefined) return undefined;
  const seconds = /^\d{1,3}(?:\.\d{1,3})?$/.test(value) ? Number(value) : NaN;
  if (seconds >= 0.1 && seconds <= 300) return seconds;
  throw usage(`--wait '${value}' is not a number of seconds from 0.1 to 300`);
}
