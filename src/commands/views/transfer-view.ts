/** How a transfer is shown, the same in `log` and `status`. */
import type { CurrentFile } from '../../history/current-file.js';
import type { Progress } from '../../history/rate.js';
import { describeEnding, nameOf } from '../../history/transfer.js';
import type { SentFile, Transfer } from '../../history/transfer.js';
import { columns, style } from '../../system/output.js';
import { formatSize } from '../../system/sizes.js';
import { counted, printable } from '../../system/text.js';
import { localTime } from './describe.js';

/** How many files of a transfer are named. */
export const shownFiles = 3;

/** A line for each transfer, and below it the first of its files. */
export function transferLines(transfers: readonly Transfer[]): string[] {
  const heads = columns(transfers.map(transferCells));
  return transfers.flatMap((transfer, i) => [
    heads[i] ?? '',
    ...fileLines(transfer, shownFiles).map((line) => `    ${line}`),
  ]);
}

/** Time, peer, address, what was done, how it ended. */
export function transferCells(transfer: Transfer): string[] {
  const { header, ending } = transfer;
  const text = printable(describeEnding(ending));
  const isGood = ending.kind === 'done' || ending.kind === 'running';
  return [
    localTime(new Date(header.time)),
    printable(header.peer),
    printable(header.address),
    describeFiles(transfer),
    isGood ? text : style.bad(text),
  ];
}

/** `sent 3 files, 1.2GB, to /home/anna/public`. */
function describeFiles(transfer: Transfer): string {
  const { header, fileCount, bytes, transferred, complete } = transfer;
  const share = printable(header.share);
  const [verb, place] =
    header.direction === 'push' ? ['sent', `to ${share}`] : ['fetched', `from ${share}`];
  if (header.direction === 'none') return `asked for: ${shorten(printable(header.command))}`;
  const left = describeParts(transfer);
  if (fileCount === 0) {
    return header.direction === 'push' ? `sent no file ${place}${left}` : `looked into ${share}`;
  }
  const atLeast = complete ? '' : 'at least ';
  const count = counted(fileCount, 'file');
  // Worth a word where a good part was there already, or was compressed.
  const wire = transferred < bytes * 0.9 ? ` (${formatSize(transferred)} over the network)` : '';
  return `${verb} ${atLeast}${count}, ${formatSize(bytes)}${wire}, ${place}${left}`;
}

/** `, left a part of big.iso, 12.3MB`: what the next transfer continues. */
function describeParts({ parts }: Transfer): string {
  const [first, ...others] = parts;
  if (first === undefined) return '';
  const more = others.length === 0 ? '' : ` and of ${others.length} more`;
  return `, left a part of ${printable(first.name)}, ${formatSize(first.bytes)}${more}`;
}

function shorten(text: string): string {
  return text.length > 60 ? `${text.slice(0, 60)}…` : text;
}

/** The files' lines below that of the transfer: the first few of them. */
function fileLines({ files, fileCount }: Transfer, most: number): string[] {
  const lines = files.slice(0, most).map(describeFile);
  const more = fileCount - lines.length;
  return more > 0 && lines.length > 0 ? [...lines, `… and ${more} more`] : lines;
}

export function describeFile(file: SentFile): string {
  return `${formatSize(file.bytes).padStart(8)}  ${printable(nameOf(file))}`;
}

/** `bob (192.168.1.42) is sending into /home/anna/public: big.iso, 12.3MB, 8MB a second`. */
export function describeProgress(
  { header }: Transfer,
  { current, rate, silentMs }: Progress,
): string {
  const what = header.direction === 'push' ? 'is sending into' : 'is fetching from';
  const who = `${printable(header.peer)} (${printable(header.address)})`;
  const file = current === undefined ? '' : `: ${describeCurrent(current)}`;
  const minutes = Math.round((silentMs ?? 0) / 60_000);
  // Its sender may have left the network, which TCP takes hours to notice.
  const silence = `, lost? nothing has come for ${minutes < 1 ? 'half a minute' : `${minutes} min`}`;
  const speed = rate === undefined ? '' : `, ${formatSize(Math.round(rate))} a second`;
  return `${who} ${what} ${printable(header.share)}${file}${silentMs === undefined ? speed : silence}`;
}

function describeCurrent({ name, position, size }: CurrentFile): string {
  const of = size === undefined || size === 0 ? '' : ` of ${formatSize(size)}`;
  return `${printable(name)}, ${formatSize(position)}${of}`;
}

/** For `--json`; `ended` is the time of its end, where that is known. */
export function transferAsJson(transfer: Transfer, ended: Date | undefined): object {
  const { id, header, parts, fileCount, bytes, transferred, complete, ending, hookStatus } =
    transfer;
  const { time, peer, key, address, share, direction, command } = header;
  return {
    id,
    time,
    ended: ended?.toISOString() ?? null,
    peer,
    key,
    address,
    share,
    direction,
    outcome: ending.kind,
    exitCode: 'status' in ending ? ending.status : ending.kind === 'done' ? 0 : null,
    reason: ending.kind === 'refused' ? ending.reason : null,
    parts,
    fileCount,
    bytes,
    transferred,
    complete,
    onReceived: hookStatus ?? null,
    command,
  };
}

/** For `--json`. */
export function fileAsJson(file: SentFile): object {
  return { name: nameOf(file), bytes: file.bytes, transferred: file.transferred };
}

/** For `--json`. */
export function progressAsJson({ current, rate, silentMs }: Progress): object {
  return {
    file: current?.name ?? null,
    position: current?.position ?? null,
    size: current?.size ?? null,
    rate: rate === undefined ? null : Math.round(rate),
    silentSeconds: silentMs === undefined ? null : Math.round(silentMs / 1000),
  };
}
