/** Is the account one that sshd lets in, and are its files as StrictModes wants them? */
import { accessSync, constants, existsSync, lstatSync, readFileSync, realpathSync } from 'node:fs';
import { homedir, userInfo } from 'node:os';
import { dirname, join } from 'node:path';
import { PysyncError } from '../../errors.js';
import { quoteAll } from '../../gate/quote.js';
import { isPrivateGroup, userName } from '../../system/accounts.js';
import { run } from '../../system/run.js';
import { serverSettings } from '../../sshd/settings.js';
import { loosePlace, loosePlaces } from '../../system/loose-places.js';
import type { LoosePlace } from '../../system/loose-places.js';
import type { Check, Finding } from '../check.js';
import { ok, problem, warning } from '../finding.js';
import { closeCommand, closePlace } from '../close-place.js';

export const account: Check = {
  name: 'account',
  run: async () => {
    if (!existsSync(homedir())) return [problem(`its home ${homedir()} is not there`)];
    const { words } = await serverSettings(userInfo().username, '127.0.0.1');
    const usesPam = words('usepam')[0]?.toLowerCase() === 'yes';
    const isStrict = words('strictmodes')[0]?.toLowerCase() !== 'no';
    const found = [
      ...(await locked(usesPam)),
      ...(await expired()),
      ...noLogins(),
      ...shell(),
      ...modes(isStrict),
    ];
    return found.length > 0
      ? found
      : [ok('it may log in, and nobody else can write on the way to its keys')];
  },
};

/**
 * A password field that starts with `!`: without PAM, sshd then takes no key either (sshd(8),
 * LOGIN PROCESS). Whether it is `!` or the harmless `*`, passwd(1) does not tell a user.
 */
async function locked(usesPam: boolean): Promise<Finding[]> {
  if (usesPam || process.platform !== 'linux') return [];
  const { username } = userInfo();
  const hints = [`sudo usermod -p '*' ${username}`, '(still no password fits, and keys do)'];
  const field = shadowField(username);
  if (field !== undefined) {
    return field.startsWith('!') ? [problem('it is locked, so sshd takes no key', hints)] : [];
  }
  const status = (await output('passwd', ['-S'])).split(' ')[1];
  if (status !== 'L') return [];
  const text = 'it has no password: if that is because it is locked, sshd takes no key';
  return [warning(text, ['to be sure:', ...hints])];
}

function shadowField(username: string): string | undefined {
  try {
    const lines = readFileSync('/etc/shadow', 'utf8').split('\n');
    return lines.find((line) => line.startsWith(`${username}:`))?.split(':')[1];
  } catch {
    return undefined;
  }
}

async function expired(): Promise<Finding[]> {
  if (process.platform !== 'linux') return [];
  const { username } = userInfo();
  const text = await output('chage', ['-l', username]);
  const date = /^Account expires\s*:\s*(.*)$/m.exec(text)?.[1] ?? 'never';
  if (date === 'never' || !(Date.parse(`${date} UTC`) <= Date.now())) return [];
  return [problem(`it expired on ${date}`, [`sudo chage --expiredate -1 ${username}`])];
}

/** What a tool says; empty where it is not there or fails. */
async function output(tool: string, args: readonly string[]): Promise<string> {
  try {
    return (await run(tool, args, { purpose: 'look at the account', timeoutMs: 5000 })).stdout;
  } catch (error) {
    if (!(error instanceof PysyncError)) throw error;
    return '';
  }
}

/** While one of these files is there, nobody but root gets in: nologin(5). */
function noLogins(): Finding[] {
  if (process.geteuid?.() === 0) return [];
  return ['/etc/nologin', '/run/nologin']
    .filter(existsSync)
    .map((path) =>
      problem(`nobody may log in now: ${path} is there`, [
        'it goes away when the machine has started; if not:',
        `sudo rm ${path}`,
      ]),
    );
}

function shell(): Finding[] {
  const { shell, username } = userInfo();
  const path = shell ?? '';
  try {
    accessSync(path, constants.X_OK);
    return [];
  } catch {
    return [
      problem(`its login shell ${path} cannot be run`, [`sudo chsh --shell /bin/sh ${username}`]),
    ];
  }
}

/**
 * sshd takes no key while somebody else could write the file, or a folder between it and the home:
 * StrictModes in sshd_config(5). Whoever can write a folder above puts another home in its place.
 */
function modes(isStrict: boolean): Finding[] {
  const file = join(homedir(), '.ssh/authorized_keys');
  const strict = isStrict ? strictPlaces(file) : [];
  const known = new Set(strict.map(({ path }) => path));
  const others = loosePlaces(nearest(file)).filter(({ path }) => !known.has(path));
  return [
    ...strict.map((place) => {
      const text = `${place.path} ${place.how}, so sshd takes no key`;
      return place.isTolerable
        ? warning(
            `${text} (Debian's does, as you are alone in that group)`,
            [closeCommand(place)],
            closePlace(place),
          )
        : problem(text, [closeCommand(place)], closePlace(place));
    }),
    ...others.map((place) => {
      const text = `${place.path} ${place.how}, who could let anybody in`;
      return problem(text, [closeCommand(place)], closePlace(place));
    }),
    ...unreadable(file),
  ];
}

/** As sshd walks: from the file, links resolved, up to the home, or to `/` where it lies elsewhere. */
function strictPlaces(file: string): (LoosePlace & { isTolerable: boolean })[] {
  const home = realpathSync(homedir());
  const found: (LoosePlace & { isTolerable: boolean })[] = [];
  for (let at = realpathSync(nearest(file)); ; at = dirname(at)) {
    const stats = lstatSync(at);
    const { uid, gid, mode } = stats;
    const isOthers = uid !== 0 && uid !== process.geteuid?.();
    if (isOthers || (mode & 0o022) !== 0) {
      const how = isOthers ? `belongs to ${userName(uid)}` : 'can be written by others';
      const isTolerable = !isOthers && (mode & 0o002) === 0 && isPrivateGroup(gid);
      found.unshift({ ...loosePlace(at, stats, how), isTolerable });
    }
    if (at === home || at === '/') return found;
  }
}

/** The path itself, or the nearest folder above it that is there. */
function nearest(path: string): string {
  return existsSync(path) ? path : nearest(dirname(path));
}

function unreadable(file: string): Finding[] {
  try {
    if (existsSync(dirname(file))) accessSync(dirname(file), constants.X_OK);
    if (existsSync(file)) accessSync(file, constants.R_OK);
    return [];
  } catch {
    return [
      problem(`${file} cannot be read, so sshd finds no key in it`, [
        `chmod u+rwx ${quoteAll([dirname(file)])} && chmod u+rw ${quoteAll([file])}`,
      ]),
    ];
  }
}
