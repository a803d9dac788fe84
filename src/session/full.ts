/**
 * Run by the launcher after a transfer into a capped share has failed: where that was for want of
 * room, it tells the sender so. Arguments: the share, its cap in bytes, the connection's log.
 */
import { readFileSync } from 'node:fs';
import { describeFull } from './room.js';
import { readHeader } from '../log/log.js';

const [share = '', cap = '', log = ''] = process.argv.slice(2);
// As strerror spells ENOSPC; rsync writes it into its log as well.
if (readFileSync(log, 'utf8').includes('No space left on device (28)')) {
  const state = log.replace(/\/running\/[^/]*$/, '');
  // rsync has removed what did not fit by now, unless it keeps parts: so there may be room again.
  const lines = describeFull(state, share, Number(cap), readHeader(log)?.key ?? '');
  console.error(`pysync: ${lines.join('\n  ')}`);
}
