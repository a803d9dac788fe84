/**
 * The two files in which sshd looks for keys by default (sshd_config(5), AuthorizedKeysFile), on
 * disk. pysync writes only the first.
 */
import { existsSync } from 'node:fs';
import { lchown, lstat, mkdir, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { errnoOf, PysyncError } from '../errors.js';
import { fileFailure } from '../system/failures.js';
import { readIfThere, replaceFile } from '../system/files.js';
import { keepReserve, reservePath } from '../system/reserve.js';
import { printable } from '../system/text.js';
import { findForeign, parseAuthorizedKeys, upsertKey } from './authorized-keys.js';
import type { KeyLine, UpsertOutcome } from './authorized-keys.js';

const fileNames = ['authorized_keys', 'authorized_keys2'] as const;

export interface AuthorizedKeysFile {
  readonly path: string;
  /** Empty where there is no such file. */
  readonly content: Buffer;
}

/** Both files of the account whose home is `home`, in the order in which sshd reads them. */
export async function readAuthorizedKeys(home: string): Promise<readonly AuthorizedKeysFile[]> {
  const paths = fileNames.map((name) => join(home, '.ssh', name));
  return Promise.all(
    paths.map(async (path) => ({
      path,
      content: (await readIfThere(path)) ?? Buffer.alloc(0),
    })),
  );
}

/**
 * Replaces the text of `~/.ssh/authorized_keys` by what `edit` makes of it; the file and its
 * directory are created where they are missing and there is something to write. `edit` is called
 * again if the file changed meanwhile.
 */
export async function editAuthorizedKeys(
  home: string,
  edit: (content: Buffer) => Buffer,
  name: (typeof fileNames)[number] = 'authorized_keys',
): Promise<{ readonly written: boolean }> {
  const makesNothing = edit(Buffer.alloc(0)).length === 0;
  if (makesNothing && !existsSync(join(home, '.ssh'))) return { written: false };
  await ensureSshDirectory(home);
  const editOrLeave = (content: Buffer | undefined): Buffer | undefined => {
    const edited = edit(content ?? Buffer.alloc(0));
    return content === undefined && edited.length === 0 ? undefined : edited;
  };
  return replaceFile(join(home, '.ssh', name), editOrLeave, { reserve: reservePath() });
}

/**
 * Sets room aside for taking all keys of the account back on a full disk, those that are let in next
 * (`more` bytes) too. Throws PysyncError `FILE_FAILED`.
 */
export async function keepRoomToRevoke(home: string, more = 0): Promise<void> {
  const sizes = (await readAuthorizedKeys(home)).map(({ content }) => content.length);
  keepReserve(Math.max(...sizes) + more);
}

/**
 * Installs all of `lines` or, if one of their keys is let in by another line, none: throws
 * PysyncError `KEY_UNRESTRICTED_ELSEWHERE`. The outcomes stand in the order of `lines`.
 */
export async function installKeys(
  home: string,
  lines: readonly KeyLine[],
): Promise<readonly UpsertOutcome[]> {
  const [first, second] = await readAuthorizedKeys(home);
  if (second !== undefined) refuseInSecondFile(second, lines);
  let outcomes: readonly UpsertOutcome[] = [];
  await editAuthorizedKeys(home, (content) => {
    // Inside the lock and on the text that is edited, so that no line slips in after the check.
    refuseForeign({ path: first?.path ?? '', content }, lines);
    const result = upsertAll(content, lines);
    outcomes = result.outcomes;
    return result.content;
  });
  return outcomes;
}

/** What `installKeys` would do now: the same refusals and outcomes, and nothing is written. */
export async function previewKeys(
  home: string,
  lines: readonly KeyLine[],
): Promise<readonly UpsertOutcome[]> {
  const [first, second] = await readAuthorizedKeys(home);
  if (second !== undefined) refuseInSecondFile(second, lines);
  if (first !== undefined) refuseForeign(first, lines);
  return upsertAll(first?.content ?? Buffer.alloc(0), lines).outcomes;
}

function upsertAll(
  content: Buffer,
  lines: readonly KeyLine[],
): { readonly content: Buffer; readonly outcomes: readonly UpsertOutcome[] } {
  const outcomes: UpsertOutcome[] = [];
  for (const line of lines) {
    const result = upsertKey(content, line);
    outcomes.push(result.outcome);
    content = result.content;
  }
  return { content, outcomes };
}

function refuseForeign({ path, content }: AuthorizedKeysFile, lines: readonly KeyLine[]): void {
  for (const line of lines) {
    const foreign = findForeign(content, line.blob);
    if (foreign === undefined) continue;
    const where = `line ${foreign.lineNumber} of ${printable(path)}`;
    const how = foreign.restrictedByOther
      ? 'with a command that is not pysync’s'
      : 'without pysync’s restriction';
    throw new PysyncError(
      'KEY_UNRESTRICTED_ELSEWHERE',
      `the key ${line.policy.key} is already let in ${how}, by ${where}`,
      {
        hints: [
          'to restrict this key to the share: remove that line, then run the command again',
          'to keep that access: ask the peer for another key, made with ssh-keygen -t ed25519',
        ],
      },
    );
  }
}

function refuseInSecondFile(file: AuthorizedKeysFile, lines: readonly KeyLine[]): void {
  refuseForeign(file, lines);
  const { ours, broken } = parseAuthorizedKeys(file.content);
  for (const line of lines) {
    const old = [...ours, ...broken].find((each) => each.blob === line.blob);
    if (old === undefined) continue;
    throw new PysyncError(
      'KEY_IN_SECOND_FILE',
      `the key ${line.policy.key} also stands in line ${old.lineNumber} of ${printable(file.path)}, ` +
        'where its old policy would stay in force',
      { hints: ['remove that line, then run the command again'] },
    );
  }
}

async function ensureSshDirectory(home: string): Promise<void> {
  const path = join(home, '.ssh');
  try {
    await mkdir(path, { mode: 0o700 });
    const owner = await stat(home);
    const made = await lstat(path);
    if (process.geteuid?.() === 0 && made.uid !== owner.uid) {
      await lchown(path, owner.uid, owner.gid);
    }
  } catch (error) {
    if (errnoOf(error) !== 'EEXIST') throw fileFailure(error, `create ${printable(path)}`);
  }
}
