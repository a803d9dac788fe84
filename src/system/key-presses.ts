/** Single keys from the terminal, without Enter. */
import { interrupt } from './interrupt.js';

/** Whether a person sits there who can press one. */
export function canPressKeys(): boolean {
  return process.stdin.isTTY && process.stderr.isTTY;
}

/** Calls `take` with each key until the function that is returned is called. */
export function readKeys(take: (key: string) => void): () => void {
  const { stdin } = process;
  const onData = (data: Buffer): void => {
    for (const key of data.toString()) {
      // Ctrl-C comes as a key here.
      if (key === '\u0003') interrupt();
      else take(key);
    }
  };
  const end = (): void => {
    stdin.off('data', onData);
    stdin.setRawMode(false);
    stdin.pause();
    process.off('exit', end);
  };
  stdin.setRawMode(true);
  stdin.on('data', onData);
  // A shell that follows needs its terminal as it was.
  process.once('exit', end);
  return end;
}
