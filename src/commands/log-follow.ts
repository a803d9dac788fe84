/** `pysync log --follow`: what happens, as it happens, until Ctrl-C. */
import { follow } from '../history/follow.js';
import type { Happening } from '../history/follow.js';
import type { Logged } from '../history/log-files.js';
import type { Progress } from '../history/rate.js';
import type { SentFile, Transfer } from '../history/transfer.js';
import { print, printJsonLine } from '../system/output.js';
import { startBoard } from '../system/progress.js';
import type { Board } from '../system/progress.js';
import { printable } from '../system/text.js';
import {
  describeFile,
  describeProgress,
  fileAsJson,
  progressAsJson,
  transferAsJson,
  transferCells,
  transferLines,
} from './views/transfer-view.js';

/** Files that are shown by name of those that became whole between two looks. */
const shownFiles = 5;

/** Milliseconds between two lines about the progress of a transfer, where they stay. */
const pauses = { text: 5000, json: 1000 };

/** Where it is shown, on a terminal. */
export interface View {
  readonly board: Board | undefined;
  /** Lines below those of running transfers. */
  readonly below: () => readonly string[];
}

export async function followLog(
  earlier: readonly Logged[],
  isWanted: (transfer: Transfer) => boolean,
  asJson: boolean,
  view: View = { board: asJson ? undefined : startBoard(), below: () => [] },
): Promise<void> {
  const show = asJson ? showJson() : showText(view);
  if (asJson) {
    for (const one of earlier) {
      printJsonLine({ event: 'earlier', ...transferAsJson(one, one.ended) });
    }
  } else {
    transferLines(earlier).forEach(print);
  }
  for await (const happenings of follow(0)) {
    show(happenings.filter(({ transfer }) => isWanted(transfer)));
  }
}

function showJson(): (happenings: readonly Happening[]) => void {
  const isDue = everySoOften(pauses.json);
  return (happenings) => {
    for (const happening of happenings) {
      const { kind, transfer } = happening;
      const { peer } = transfer.header;
      const whose = { event: kind, id: transfer.id, peer };
      if (kind === 'file') printJsonLine({ ...whose, ...fileAsJson(happening.file) });
      else if (kind !== 'progress') {
        const ended = kind === 'ended' ? new Date() : undefined;
        printJsonLine({ event: kind, ...transferAsJson(transfer, ended) });
      } else if (happening.progress.current !== undefined && isDue(transfer)) {
        printJsonLine({ ...whose, ...progressAsJson(happening.progress) });
      }
    }
  };
}

/** Progress stands on lines that are written over; without a terminal there is one now and then. */
function showText({ board, below }: View): (happenings: readonly Happening[]) => void {
  process.once('exit', () => board?.end());
  const say = board?.print ?? print;
  const isDue = everySoOften(pauses.text);
  return (happenings) => {
    const running: string[] = [];
    for (const { transfer, files, kinds, progress } of byTransfer(happenings)) {
      if (kinds.has('started') && transfer.ending.kind === 'running') {
        say(
          `${clock()}  ${describeProgress(transfer, { current: undefined, rate: undefined, silentMs: undefined })}`,
        );
      }
      files.slice(0, shownFiles).forEach((file) => {
        say(`${clock()}  ${printable(transfer.header.peer)}  ${describeFile(file)}`);
      });
      if (files.length > shownFiles) {
        say(`${clock()}  … and ${files.length - shownFiles} more files`);
      }
      if (kinds.has('ended')) say(transferCells(transfer).join('  '));
      if (progress === undefined) continue;
      const line = describeProgress(transfer, progress);
      if (board !== undefined) running.push(line);
      else if (progress.rate !== undefined && progress.current !== undefined && isDue(transfer)) {
        say(`${clock()}  ${line}`);
      }
    }
    board?.show([...running, ...below()]);
  };
}

/** What one look has found out about one transfer. */
interface News {
  transfer: Transfer;
  readonly files: SentFile[];
  readonly kinds: Set<Happening['kind']>;
  progress: Progress | undefined;
}

function byTransfer(happenings: readonly Happening[]): News[] {
  const all = new Map<string, News>();
  for (const happening of happenings) {
    const { kind, transfer } = happening;
    const { id } = transfer;
    const news = all.get(id) ?? { transfer, files: [], kinds: new Set(), progress: undefined };
    all.set(id, news);
    news.transfer = transfer;
    news.kinds.add(kind);
    if (kind === 'file') news.files.push(happening.file);
    if (kind === 'progress') news.progress = happening.progress;
  }
  return [...all.values()];
}

/** Whether a transfer may be shown again; the first time always. */
function everySoOften(pause: number): (transfer: Transfer) => boolean {
  const last = new Map<string, number>();
  return ({ id }) => {
    const now = Date.now();
    if (now - (last.get(id) ?? -Infinity) < pause) return false;
    last.set(id, now);
    return true;
  };
}

function clock(): string {
  const two = (value: number): string => String(value).padStart(2, '0');
  const now = new Date();
  return [now.getHours(), now.getMinutes(), now.getSeconds()].map(two).join(':');
}
