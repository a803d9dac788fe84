/** What goes on, on lines of a terminal that are written over; elsewhere nothing is shown. */

export interface Progress {
  readonly show: (text: string) => void;
  readonly end: () => void;
}

/** Progress on standard error, with the seconds since it began. */
export function startProgress(): Progress {
  const stream = process.stderr;
  if (!isWritable(stream)) {
    return { show: () => undefined, end: () => undefined };
  }
  const begun = Date.now();
  let text = '';
  const draw = (): void => {
    const seconds = Math.round((Date.now() - begun) / 1000);
    const line = `${text} (${seconds} s)`.slice(0, stream.columns - 1);
    stream.write(`\r\u001b[K${line}`);
  };
  const timer = setInterval(draw, 1000);
  return {
    show(what) {
      text = what;
      draw();
    },
    end() {
      clearInterval(timer);
      stream.write('\r\u001b[K');
    },
  };
}

/** Several lines below what is printed, written over each time. */
export interface Board {
  /** Prints a line for good, above the others. */
  readonly print: (line: string) => void;
  /** Writes the lines anew; what does not fit into the terminal is cut off. */
  readonly show: (lines: readonly string[]) => void;
  readonly end: () => void;
}

/** Undefined where no terminal shows them. The lines for good go to standard output. */
export function startBoard(): Board | undefined {
  const stream = process.stderr;
  if (!isWritable(stream)) return undefined;
  let shown: readonly string[] = [];
  const clear = (): void => {
    if (shown.length > 0) stream.write(`\u001b[${shown.length}A\r\u001b[J`);
  };
  const draw = (): void => {
    stream.write(shown.map((line) => `${fit(line, stream.columns - 1)}\n`).join(''));
  };
  return {
    print(line) {
      clear();
      process.stdout.write(`${line}\n`);
      draw();
    },
    show(lines) {
      clear();
      shown = lines.slice(0, Math.max(1, stream.rows - 2));
      draw();
    },
    end() {
      clear();
      shown = [];
    },
  };
}

function isWritable(stream: NodeJS.WriteStream): boolean {
  return stream.isTTY && process.env['TERM'] !== 'dumb';
}

/** As much of `text` as surely fits: a character beyond Latin may take two columns. */
function fit(text: string, columns: number): string {
  let width = 0;
  let fitting = '';
  for (const character of text) {
    width += character < '\u0300' ? 1 : 2;
    if (width > columns) break;
    fitting += character;
  }
  return fitting;
}
