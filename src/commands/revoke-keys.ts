/** Revoking keys, the same in every command that does. */
import { homedir } from 'node:os';
import type { Header } from '../log/log.js';
import { endTransfers } from '../history/running.js';
import { addKeys, removeKeys } from '../keys/authorized-keys.js';
import type { BrokenLine, KeyLine, OurKey } from '../keys/authorized-keys.js';
import { isSameSource } from '../keys/same-source.js';
import { editAuthorizedKeys, keepRoomToRevoke } from '../keys/install.js';
import { printable } from '../system/text.js';
import { describeAccess } from './views/describe.js';

export interface TakenBack {
  readonly removed: readonly OurKey[];
  readonly added: readonly KeyLine[];
  /** The transfers that ran with the removed keys. */
  readonly ended: readonly Header[];
}

/**
 * Takes the keys that `isMeant` out of both files, then ends the transfers that run with them. In
 * the same edit `add` goes into the first file, but for keys that are there in another line.
 */
export async function takeBack(
  isMeant: (key: OurKey) => boolean,
  more: {
    readonly isMeantBroken?: (line: BrokenLine) => boolean;
    readonly add?: readonly KeyLine[];
  } = {},
): Promise<TakenBack> {
  const edit = async (
    name: 'authorized_keys' | 'authorized_keys2',
    lines: readonly KeyLine[],
  ): Promise<Omit<TakenBack, 'ended'>> => {
    let done: Omit<TakenBack, 'ended'> = { removed: [], added: [] };
    const change = (content: Buffer): Buffer => {
      const left = removeKeys(content, isMeant, more.isMeantBroken);
      const result = addKeys(left.content, lines);
      done = { removed: left.removed, added: result.added };
      return result.content;
    };
    await editAuthorizedKeys(homedir(), change, name);
    return done;
  };
  const { removed, added } = await edit('authorized_keys', more.add ?? []);
  const second = await edit('authorized_keys2', []);
  const all = [...removed, ...second.removed];
  // The lines first: whoever is cut off must not get in again.
  const ended = await endTransfers(new Set(all.map(({ policy }) => policy.key)));
  // On a full disk it was used up. If there is still no room now, the next import asks for it.
  await keepRoomToRevoke(homedir()).catch(() => undefined);
  return { removed: all, added, ended };
}

/** Whether the owner who types `wanted` means this key: by its peer's name, source or fingerprint. */
export function isCalled({ policy }: OurKey, wanted: string): boolean {
  const { peer, key, source } = policy;
  const names = [peer, key, key.slice('SHA256:'.length), source.replace(/^file:/, '')];
  return names.includes(wanted) || isSameSource(source, wanted);
}

/** One row for each key that is revoked, to go through `columns`. */
export function rowFor(key: OurKey, what: string): string[] {
  const { peer, key: fingerprint, share } = key.policy;
  return [peer, fingerprint, printable(share), describeAccess(key), what];
}

export function describeEnded(ended: readonly Header[]): string[] {
  return ended.map(({ peer, address }) => `ended a running transfer of ${peer} from ${address}`);
}

/** For `--json`. */
export function endedAsJson(ended: readonly Header[]): object[] {
  return ended.map(({ peer, key, address, time }) => ({ peer, key, address, time }));
}
