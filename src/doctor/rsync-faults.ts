/**
 * What is known to be wrong with releases of rsync, as far as a server behind ssh is concerned. From
 * rsync's own NEWS (https://download.samba.org/pub/rsync/NEWS), under the release that fixes it.
 */
export interface RsyncFault {
  /** The first release without it. */
  readonly fixedIn: string;
  readonly what: string;
}

export const rsyncFaults: readonly RsyncFault[] = [
  {
    fixedIn: '3.2.0',
    what: 'it is older than the oldest release that pysync is made for, 3.2.0',
  },
  {
    fixedIn: '3.2.4',
    what: 'it has no --fsync: after a power cut a file in a volume may be whole by its size alone',
  },
  {
    fixedIn: '3.4.0',
    what: 'peers can get round --safe-links and read its memory, and on 3.2.7 and 3.3.0 write to it (CVE-2024-12084, -12085, -12088)',
  },
  {
    fixedIn: '3.4.3',
    what: 'a sender can have it give away its memory by an overflow in compressed data (CVE-2026-43618)',
  },
  {
    fixedIn: '3.5.0',
    what: '33 holes, many of them ways out of a folder by links and races (CVE-2026-53785, -53796 and others); and no --drop-D, which a filter in the kernel replaces',
  },
];

/** Whether release `a` is older than `b`; what follows a hyphen is left out. */
export function isOlder(a: string, b: string): boolean {
  const [left, right] = [a, b].map((text) =>
    text
      .split(/[^0-9.]/, 1)[0]
      ?.split('.')
      .map(Number),
  );
  for (let i = 0; i < 3; i += 1) {
    const difference = (left?.[i] ?? 0) - (right?.[i] ?? 0);
    if (difference !== 0) return difference < 0;
  }
  return false;
}
