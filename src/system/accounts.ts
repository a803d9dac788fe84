/**
 * Users and groups, as far as /etc/passwd and /etc/group list them: passwd(5), group(5). Where a
 * directory service knows more, a number stays a number, and no group counts as one's own.
 */
import { userInfo } from 'node:os';
import { readLines } from './readable.js';

/** The user's name, or the number where it has none here. */
export function userName(uid: number): string {
  return nameIn('/etc/passwd', uid);
}

/** The group's name, or the number where it has none here. */
export function groupName(gid: number): string {
  return nameIn('/etc/group', gid);
}

/** Whether nobody but this user is in the group, as many systems give each user one of their own. */
export function isPrivateGroup(gid: number): boolean {
  const { uid, username, gid: own } = userInfo();
  if (gid !== own) return false;
  const entry = entries('/etc/group').find((fields) => fields[2] === String(gid));
  if (entry === undefined) return false;
  const members = (entry[3] ?? '').split(',').filter((name) => name !== '' && name !== username);
  // Those whose first group it is are not listed as its members.
  const others = entries('/etc/passwd').filter(
    (fields) => fields[3] === String(gid) && fields[2] !== String(uid),
  );
  return members.length === 0 && others.length === 0;
}

function nameIn(file: string, id: number): string {
  return entries(file).find((fields) => fields[2] === String(id))?.[0] ?? String(id);
}

function entries(file: string): string[][] {
  return readLines(file).map((line) => line.split(':'));
}
