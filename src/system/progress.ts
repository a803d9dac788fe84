/** What is happening now, on lines of a terminal that are written over; elsewhere nothing is shown. */
import { logUpdate, widthOf } from './packages.js';

export interface Progress {
  readonly show: (text: string) => void;
  readonly end: () => void;
}

/** Progress on standard error, with the seconds since it began. */
export function startProgress(): Progress {
  const board = startBoard();
  if (board === undefined) return { show: () => undefined, end: () => undefined };
  const begun = Date.now();
  let text = '';
  const draw = (): void => {
    board.show([`${text} (${Math.round((Date.now() - begun) / 1000)} s)`]);
  };
  const timer = setInterval(draw, 1000);
  return {
    show(what) {
      text = what;
      draw();
    },
    end() {
      clearInterval(timer);
      board.end();
    },
  };
}

/** Several lines below what is printed, written over each time. */
export interface Board {
  /** Prints a line for good, above the others. */
  readonly print: (line: string) => void;
  /** Replaces the lines; what does not fit into the terminal is cut off. */
  readonly show: (lines: readonly string[]) => void;
  readonly end: () => void;
}

/** Undefined where no terminal shows them. The lines for good go to standard output. */
export function startBoard(): Board | undefined {
  const stream = process.stderr;
  if (!stream.isTTY || process.env['TERM'] === 'dumb') return undefined;
  // A terminal that does not know its size says 0, in which log-update would show nothing.
  const sized = Object.create(stream, {
    columns: { get: () => stream.columns || 80 },
    rows: { get: () => stream.rows || 24 },
    write: { value: (text: string) => stream.write(text) },
  }) as typeof stream;
  const live = logUpdate().createLogUpdate(sized, { showCursor: true });
  let shown = '';
  return {
    print(line) {
      live.clear();
      process.stdout.write(`${line}\n`);
      live(shown);
    },
    show(lines) {
      const fitting = lines.slice(0, Math.max(1, sized.rows - 2));
      shown = fitting.map((line) => fit(line, sized.columns - 1)).join('\n');
      live(shown);
    },
    end() {
      live.clear();
    },
  };
}

/** As much of `text` as fits. */
function fit(text: string, columns: number): string {
  let width = 0;
  let fitting = '';
  for (const { segment } of new Intl.Segmenter().segment(text)) {
    width += widthOf(segment);
    if (width > columns) break;
    fitting += segment;
  }
  return fitting;
}
