/**
 * What one imported key may do. It is in the forced command of that key's line in `authorized_keys` and
 * nowhere else; this file is the only one that writes those words and reads them back.
 */

export type Access = 'read-write' | 'read-only' | 'write-only';
export const accesses: readonly Access[] = ['read-write', 'read-only', 'write-only'];

export interface Policy {
  /** How the owner calls this peer; `isPeerName` holds. */
  readonly peer: string;
  /** The key's fingerprint, `SHA256:…`, as `ssh-keygen -l` prints it. */
  readonly key: string;
  /** The share directory: absolute, normalized, and `isSharePath` holds. */
  readonly share: string;
  readonly access: Access;
  /** Whether `--delete` and, on a pull, `--remove-source-files` are let through. */
  readonly allowDelete: boolean;
  /** Where the key came from: `gh:octocat`, `file:bob.pub`, `https://…`, `argument`, `stdin`. */
  readonly source: string;
  /**
   * The numeric id of the GitHub account behind the source, where GitHub's API told it. A name can
   * pass to another account; the id cannot. Lines of older versions have none.
   */
  readonly account?: number;
  /** When it was imported, as `YYYY-MM-DDTHH:MM:SSZ`. */
  readonly imported: string;
}

/** A peer's name has to be safe in a shell, a log line and a file name. */
export function isPeerName(text: string): boolean {
  return /^[A-Za-z0-9_][A-Za-z0-9._@+-]{0,63}$/.test(text);
}

/**
 * A share's path travels through sshd's option parser and the account's login shell: control characters
 * and backslashes mean different things to sshd, fish and POSIX shells.
 */
export function isSharePath(path: string): boolean {
  return path.startsWith('/') && path !== '/' && !/[\p{Cc}\\\ufffd]/u.test(path);
}

/** Whether `text` is an account's id, without leading zeros; 15 digits are exact in a double. */
export function isAccountId(text: string): boolean {
  return /^[1-9]\d{0,14}$/.test(text);
}

const valueNames = '--peer --key --share --access --source --account --imported'.split(' ');

/** The words behind the launcher in a forced command, in their one canonical order. */
export function formatPolicy(policy: Policy): string[] {
  const { peer, key, share, access, allowDelete, source, account, imported } = policy;
  return [
    ...['--peer', peer, '--key', key, '--share', share, '--access', access],
    ...(allowDelete ? ['--allow-delete'] : []),
    ...['--source', source],
    ...(account === undefined ? [] : ['--account', String(account)]),
    ...['--imported', imported],
  ];
}

/** Reads those words back. Throws at unknown, repeated, missing and malformed ones. */
export function parsePolicy(words: readonly string[]): Policy {
  const values = new Map<string, string>();
  for (let i = 0; i < words.length; i += 1) {
    const name = words[i] ?? '';
    if (values.has(name)) throw new Error(`${name} is given twice`);
    if (name === '--allow-delete') {
      values.set(name, 'yes');
      continue;
    }
    if (!valueNames.includes(name)) throw new Error(`${name} is not part of a policy`);
    i += 1;
    values.set(name, words[i] ?? '');
  }
  const need = (name: string, isGood: (value: string) => boolean): string => {
    const value = values.get(name);
    if (value === undefined || !isGood(value)) throw new Error(`${name} is missing or malformed`);
    return value;
  };
  const account = values.has('--account') ? Number(need('--account', isAccountId)) : undefined;
  const access = need('--access', (value) => accesses.some((known) => known === value));
  return {
    peer: need('--peer', isPeerName),
    key: need('--key', (value) => /^SHA256:[A-Za-z0-9+/]{43}$/.test(value)),
    share: need('--share', isSharePath),
    access: access as Access,
    allowDelete: values.has('--allow-delete'),
    source: need('--source', (value) => value !== ''),
    ...(account === undefined ? {} : { account }),
    imported: need('--imported', (value) => /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ$/.test(value)),
  };
}
