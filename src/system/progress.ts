/** What goes on, on one line of a terminal that is written over; elsewhere nothing is shown. */

export interface Progress {
  readonly show: (text: string) => void;
  readonly end: () => void;
}

/** Progress on standard error, with the seconds since it began. */
export function startProgress(): Progress {
  const stream = process.stderr;
  if (!stream.isTTY || process.env['TERM'] === 'dumb') {
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
