/** What an owner should know about a folder that may be a share. */
import { mountAt } from '../ready/mount-table.js';
import { quoteAll } from '../gate/quote.js';
import { isOpenToOthers, nestedShares } from './others.js';

/** Sentences about the share at `share`; `known` are the paths of the shares there are. */
export function shareNotices(share: string, known: readonly string[]): string[] {
  const nested = nestedShares([...new Set([share, ...known])])
    .filter((pair) => pair.includes(share))
    .map(([inner, outer]) => `${inner} lies in ${outer}, so the peers of ${outer} reach it too`);
  return [
    ...(isOpenToOthers(share)
      ? [`others on this machine may look into ${share}: chmod go-rwx ${quoteAll([share])}`]
      : []),
    ...nested,
    // Not refused: many want a share for sending a web site.
    ...(/^\/var\/www\/|\/(public_html|htdocs)(\/|$)/.test(share)
      ? [`a web server may show or run what is sent to ${share}`]
      : []),
    ...(isMountPoint(share) && !known.includes(share)
      ? [
          `${share} is a mount point: while nothing is mounted there, files would land on the disk below it`,
          `it is better to share a folder in it: --dir ${quoteAll([`${share}/from-peers`])}`,
        ]
      : []),
  ];
}

function isMountPoint(share: string): boolean {
  return process.platform === 'linux' && mountAt(share) !== undefined;
}
