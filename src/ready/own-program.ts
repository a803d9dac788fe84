/** Work that is not for the closed rooms: the rest of pysync does it, as a program of its own. */
import { userInfo } from 'node:os';
import { dirname, join } from 'node:path';

/** pysync's own. */
export interface Folders {
  /** Holds the volumes and their registry, the launcher and the settings. */
  readonly data: string;
  /** Holds the connection logs. */
  readonly state: string;
}

/**
 * The lines of guests: whom `pysync serve` lets in for one session has one while that runs. Not there
 * before the first of them.
 */
export function guestsFile({ data }: Pick<Folders, 'data'>): string {
  return `${data}/guests`;
}

/**
 * Runs `program`, a path in dist, and waits for its end; whether it ended well within `timeout`
 * milliseconds. `tools` are found where they are, also in folders that only the owner's PATH has.
 */
export function runPysync(
  { data, state }: Folders,
  program: string,
  args: readonly string[],
  timeout: number,
  tools: readonly string[] = [],
): Promise<boolean> {
  const words = [join(__dirname, '..', program), ...args];
  const env = {
    PATH: ['/usr/sbin:/usr/bin:/sbin:/bin', ...tools.map(dirname)].join(':'),
    HOME: userInfo().homedir,
    XDG_DATA_HOME: dirname(data),
    XDG_STATE_HOME: dirname(state),
    // As launcher.sh gives it.
    XDG_CONFIG_HOME: process.env['XDG_CONFIG_HOME'],
  };
  return new Promise((resolve) => {
    // Loaded here: most connections start nothing, and it takes longer to load than the rest.
    const { execFile } = process.getBuiltinModule('node:child_process');
    execFile(process.execPath, words, { timeout, env }, (error) => {
      resolve(error === null);
    });
  });
}
