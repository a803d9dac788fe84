/**
 * Whether a key's line is still as it was when the client logged in. sshd asks only then, and on a
 * connection that is kept open (`ControlMaster`) a transfer can start long after a key was revoked.
 */
import { readFileSync } from 'node:fs';
import { splitWords } from '../gate/words.js';

/**
 * Whether `file` has a line whose forced command ends in just these policy words, that has not
 * expired at `now`, and that lets `address` in. Throws where there is no such file.
 */
export function isStillAuthorized(
  file: string,
  policyWords: readonly string[],
  address: string,
  now: Date,
): boolean {
  const wanted = JSON.stringify(policyWords);
  return readFileSync(file, 'utf8')
    .split('\n')
    .some((line) => {
      const [, options = '', quoted = ''] =
        /^\s*restrict,((?:[^#]*?,)?)command="((?:\\"|[^"])*)"/.exec(line) ?? [];
      if (wordsOfCommand(quoted) !== wanted) return false;
      return !isExpired(options, now) && isFrom(options, address);
    });
}

/** sshd(8), `expiry-time`: `YYYYMMDDHHMM[SS]` in the system's time zone. */
function isExpired(options: string, now: Date): boolean {
  const [, text] = /(?:^|,)expiry-time="(\d{8,14})"/.exec(options) ?? [];
  if (text === undefined) return false;
  const part = (from: number, to: number): number => Number(text.slice(from, to) || '0');
  const date = new Date(part(0, 4), part(4, 6) - 1, part(6, 8));
  date.setHours(part(8, 10), part(10, 12), part(12, 14));
  return date <= now;
}

/**
 * sshd(8), `from`. Addresses and networks are compared; a pattern that pysync does not write was
 * sshd's to judge when the client logged in.
 */
function isFrom(options: string, address: string): boolean {
  const [, list] = /(?:^|,)from="([^"]*)"/.exec(options) ?? [];
  if (list === undefined) return true;
  const { BlockList, isIP } = process.getBuiltinModule('node:net');
  const familyOf = (text: string): 'ipv4' | 'ipv6' => (isIP(text) === 6 ? 'ipv6' : 'ipv4');
  const networks = new BlockList();
  for (const pattern of list.split(',')) {
    const [network = '', length] = pattern.split('/');
    if (isIP(network) === 0) return true;
    if (length === undefined) networks.addAddress(network, familyOf(network));
    else networks.addSubnet(network, Number(length), familyOf(network));
  }
  return isIP(address) !== 0 && networks.check(address, familyOf(address));
}

function wordsOfCommand(quoted: string): string | undefined {
  try {
    const words = splitWords(quoted.replaceAll('\\"', '"')).map((word) => word.text);
    return JSON.stringify(words.slice(1));
  } catch {
    // A line of somebody else's; splitWords knows no shell.
    return undefined;
  }
}
