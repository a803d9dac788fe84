/** Changing `~/.ssh/authorized_keys` on disk. The second file (key-files.ts) is only read. */
import { existsSync } from 'node:fs';
import { lchown, lstat, mkdir, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { errnoOf, PysyncError } from '../errors.js';
import { fileFailure } from '../system/failures.js';
import { replaceFile } from '../system/files.js';
import { keepReserve, reservePath } from '../system/reserve.js';
import { printable } from '../system/text.js';
import { findForeign, parseAuthorizedKeys, upsertKey } from './authorized-keys.js';
import type { KeyLine, UpsertOutcome } from './authorized-keys.js';
import { readAuthorizedKeys } from './key-files.js';
import type { AuthorizedKeysFile, FileName } from './key-files.js';

/**
 * Replaces the text of `~/.ssh/authorized_keys` with what `edit` makes of it; the file and its
 * directory are created where they are missing and there is something to write. `edit` is called
 * again if the file changed in the meantime.
 */
export async function editAuthorizedKeys(
  home: string,
  edit: (content: Buffer) => Buffer,
  name: FileName = 'authorized_keys',
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
 * Sets room aside for revoking all keys of the account on a full disk, those that are let in next
 * (`more` bytes) too. Throws PysyncError `FILE_FAILED`.
 */
export async function keepRoomToRevoke(home: string, more = 0): Promise<void> {
  const sizes = (await readAuthorizedKeys(home)).map(({ content }) => content.length);
  keepReserve(Math.max(...sizes) + more);
}

/**
 * Installs all of `lines`, and answers what became of each, in their order. Installs none of them, and
 * throws PysyncError `KEY_UNRESTRICTED_ELSEWHERE` or `KEY_IN_SECOND_FILE`, if another line lets one of
 * their keys in.
 */
export async function installKeys(
  home: string,
  lines: readonly KeyLine[],
): Promise<readonly UpsertOutcome[]> {
  const [first, second] = await readAuthorizedKeys(home);
  let outcomes: readonly UpsertOutcome[] = [];
  await editAuthorizedKeys(home, (content) => {
    // Inside the lock and on the text that is edited, so that no line slips in after the check.
    const planned = plan({ ...first, content }, second, lines);
    outcomes = planned.outcomes;
    return planned.content;
  });
  return outcomes;
}

/** What `installKeys` would do now: the same refusals and outcomes, and nothing is written. */
export async function previewKeys(
  home: string,
  lines: readonly KeyLine[],
): Promise<readonly UpsertOutcome[]> {
  const [first, second] = await readAuthorizedKeys(home);
  return plan(first, second, lines).outcomes;
}

/** The text of the first file with all of `lines` in it; throws where one of them must not be. */
function plan(
  first: AuthorizedKeysFile,
  second: AuthorizedKeysFile,
  lines: readonly KeyLine[],
): { readonly content: Buffer; readonly outcomes: readonly UpsertOutcome[] } {
  for (const line of lines) {
    refuseForeign(second, line);
    refuseOldLine(second, line);
    refuseForeign(first, line);
  }
  const outcomes: UpsertOutcome[] = [];
  let { content } = first;
  for (const line of lines) {
    const result = upsertKey(content, line);
    outcomes.push(result.outcome);
    content = result.content;
  }
  return { content, outcomes };
}

function refuseForeign({ path, content }: AuthorizedKeysFile, { blob, policy }: KeyLine): void {
  const foreign = findForeign(content, blob);
  if (foreign === undefined) return;
  const where = `line ${foreign.lineNumber} of ${printable(path)}`;
  const how = foreign.restrictedByOther
    ? 'with a command that is not pysync’s'
    : 'without pysync’s restriction';
  throw new PysyncError(
    'KEY_UNRESTRICTED_ELSEWHERE',
    `the key ${policy.key} is already let in ${how}, by ${where}`,
    {
      hints: [
        'to restrict this key to the share: remove that line, then run the command again',
        'to keep that access: ask the peer for another key, made with ssh-keygen -t ed25519',
      ],
    },
  );
}

/** Refuses a key that has a line of ours in the second file, which pysync does not write. */
function refuseOldLine({ path, content }: AuthorizedKeysFile, { blob, policy }: KeyLine): void {
  const { ours, broken } = parseAuthorizedKeys(content);
  const old = [...ours, ...broken].find((each) => each.blob === blob);
  if (old === undefined) return;
  throw new PysyncError(
    'KEY_IN_SECOND_FILE',
    `the key ${policy.key} is also in line ${old.lineNumber} of ${printable(path)}, ` +
      'where its old policy would stay in force',
    { hints: ['remove that line, then run the command again'] },
  );
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
