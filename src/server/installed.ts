/** The unit of `pysync serve` on disk, and what systemd is told about it. */
import { existsSync, mkdirSync, readFileSync, rmSync, symlinkSync } from 'node:fs';
import { dirname, isAbsolute, join } from 'node:path';
import { setTimeout as wait } from 'node:timers/promises';
import { errnoOf, PysyncError } from '../errors.js';
import { bannerAt } from '../sshd/server.js';
import { fileFailure } from '../system/failures.js';
import { replaceFile } from '../system/files.js';
import { configFolder } from '../system/folders.js';
import { printable } from '../system/text.js';
import { version } from '../system/version.js';
import { usualPort } from './listening.js';
import { isOurUnit, portIn, unitName, unitText } from './unit.js';
import type { Unit } from './unit.js';
import { systemctl, unitState, userSystemd } from './user-systemd.js';
import type { UserSystemd } from './user-systemd.js';

/** Where systemd looks for what a user has written; see systemd.unit(5). */
export function unitPath(): string {
  return join(dirname(configFolder()), 'systemd/user', unitName);
}

/** What `systemctl --user enable` makes of `WantedBy=default.target`. */
function linkPath(): string {
  return join(dirname(unitPath()), 'default.target.wants', unitName);
}

/** The unit that starts this pysync with these options of serve. */
export function ownUnit(options: readonly string[]): Unit {
  const names = ['PATH', 'XDG_DATA_HOME', 'XDG_STATE_HOME', 'XDG_CONFIG_HOME'];
  const environment = names.flatMap((name) => {
    const value = process.env[name];
    return value !== undefined && isAbsolute(value) ? [[name, value] as const] : [];
  });
  return {
    node: process.execPath,
    program: join(__dirname, '../../bin/pysync.js'),
    options,
    environment: Object.fromEntries(environment),
  };
}

/** The text of the unit in place; undefined where there is none, or not one of pysync's. */
export function installedUnit(): string | undefined {
  try {
    const text = readFileSync(unitPath(), 'utf8');
    return isOurUnit(text) ? text : undefined;
  } catch {
    return undefined;
  }
}

/**
 * Writes the unit, and has systemd start it: where it is `here`, serve answers at the end of this; where
 * it is `away`, it starts at the next login. One that runs already is started again where its unit has
 * changed. Throws PysyncError `SYSTEMD_MISSING`, `UNIT_FOREIGN`, `FILE_FAILED`, `SYSTEMD_FAILED`,
 * `SERVE_FAILED`.
 */
export async function installUnit(unit: Unit): Promise<UserSystemd> {
  const systemd = await userSystemd();
  if (systemd === 'none') throw noSystemd();
  const written = await writeUnit(unitText(unit, version));
  if (systemd === 'away') {
    enableByHand();
    return systemd;
  }
  await systemctl(['daemon-reload']);
  // What has failed too often would not be started otherwise.
  await systemctl(['reset-failed', unitName], 'mayFail');
  const isOther = written && (await unitState()).active === 'active';
  await systemctl(['enable', '--now', unitName]);
  if (isOther) await systemctl(['restart', unitName]);
  await requireAnswer(portIn(unit.options, usualPort));
  return systemd;
}

/** Milliseconds in which all the starts that systemd grants have failed. */
const startMs = 20_000;

/** Throws PysyncError `SERVE_FAILED`. */
async function requireAnswer(port: number): Promise<void> {
  const end = Date.now() + startMs;
  while (Date.now() < end) {
    const banner = await bannerAt(port, '127.0.0.1');
    if (banner?.includes('pysync') === true) return;
    if ((await unitState()).active === 'failed') break;
    await wait(200);
  }
  throw new PysyncError(
    'SERVE_FAILED',
    `pysync serve was started, and port ${port} does not answer`,
    {
      hints: [
        'to see why: journalctl --user --unit pysync',
        'to give it up: pysync serve --uninstall',
      ],
    },
  );
}

async function writeUnit(text: string): Promise<boolean> {
  const path = unitPath();
  try {
    mkdirSync(dirname(path), { recursive: true });
  } catch (error) {
    throw fileFailure(error, `make ${printable(dirname(path))}`);
  }
  const edit = (content?: Buffer): Buffer => {
    if (content !== undefined && !isOurUnit(content.toString())) {
      throw new PysyncError('UNIT_FOREIGN', `${printable(path)} was not written by pysync`, {
        hints: ['move it away, then run the command again'],
      });
    }
    return Buffer.from(text);
  };
  return (await replaceFile(path, edit, { mode: 0o644 })).written;
}

function enableByHand(): void {
  try {
    mkdirSync(dirname(linkPath()), { recursive: true });
    symlinkSync(unitPath(), linkPath());
  } catch (error) {
    if (errnoOf(error) !== 'EEXIST') throw fileFailure(error, `make ${printable(linkPath())}`);
  }
}

function noSystemd(): PysyncError {
  return new PysyncError(
    'SYSTEMD_MISSING',
    'there is no systemd here that could start pysync serve by itself',
    {
      hints: [
        'run it in a terminal that stays, such as one of tmux:',
        "tmux new-session -d 'pysync serve'",
      ],
    },
  );
}

/**
 * Stops what the unit has started, when its running transfers have ended, and removes the unit. Where
 * systemd is `away`, what runs is left until the last logout. Throws PysyncError `FILE_FAILED`,
 * `SYSTEMD_FAILED`.
 */
export async function removeUnit(): Promise<UserSystemd> {
  const systemd = await userSystemd();
  if (systemd === 'here') await systemctl(['disable', '--now', unitName]);
  for (const path of [linkPath(), unitPath()]) {
    try {
      rmSync(path, { force: true });
    } catch (error) {
      throw fileFailure(error, `remove ${printable(path)}`);
    }
  }
  if (systemd === 'here') {
    await systemctl(['daemon-reload']);
    await systemctl(['reset-failed', unitName], 'mayFail');
  }
  return systemd;
}

/** Of the paths that a unit starts, those that are not there any more. */
export function missingPrograms({ node, program }: Unit): string[] {
  return [node, program].filter((path) => !existsSync(path));
}
