/** How a key and its policy are shown, the same in every command. */
import type { KeyLine, OurKey } from '../../keys/authorized-keys.js';
import { isExpired } from '../../keys/imported.js';

/** For `--json`. */
export function keyAsJson({ policy, type, from, expires, comment }: KeyLine): object {
  return {
    name: policy.peer,
    fingerprint: policy.key,
    type,
    comment,
    source: policy.source,
    account: policy.account ?? null,
    share: policy.share,
    access: policy.access,
    allowDelete: policy.allowDelete,
    from,
    expires: expires?.toISOString() ?? null,
    imported: policy.imported,
  };
}

/** What a key may do, in a few words: `read-write, may delete, from 10.0.0.0/8, until 2026-12-31`. */
export function describeAccess(key: Pick<OurKey, 'policy' | 'from' | 'expires'>): string {
  const parts: string[] = [key.policy.access];
  if (key.policy.allowDelete) parts.push('may delete');
  if (key.from.length > 0) parts.push(`from ${key.from.join(',')}`);
  if (key.expires !== undefined) parts.push(`until ${localTime(key.expires)}`);
  return parts.join(', ');
}

export function describeExpiry(key: OurKey, now: Date): string {
  if (key.expires === undefined) return 'never';
  return isExpired(key, now) ? `expired ${localTime(key.expires)}` : localTime(key.expires);
}

/** `2026-12-31 23:59`, in this machine's time, as sshd reads it. */
export function localTime(date: Date): string {
  const two = (value: number): string => String(value).padStart(2, '0');
  const day = `${date.getFullYear()}-${two(date.getMonth() + 1)}-${two(date.getDate())}`;
  return `${day} ${two(date.getHours())}:${two(date.getMinutes())}`;
}
