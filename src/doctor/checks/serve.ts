/** Where pysync serve was ever used: can it run, does it, and does it start by itself? */
import { existsSync } from 'node:fs';
import { quoteAll } from '../../gate/quote.js';
import { hostKeyFault, hostKeyPath } from '../../server/host-key.js';
import {
  installedUnit,
  installUnit,
  missingPrograms,
  ownUnit,
  unitPath,
} from '../../server/installed.js';
import { usualPort } from '../../server/listening.js';
import { runningServe } from '../../server/running.js';
import { portIn, readUnit } from '../../server/unit.js';
import type { Unit } from '../../server/unit.js';
import { lingers, unitState, userSystemd } from '../../server/user-systemd.js';
import { bannerAt } from '../../sshd/server.js';
import type { Check, Finding } from '../check.js';
import { ok, problem, warning } from '../finding.js';

export const serve: Check = {
  name: 'serve',
  run: async () => {
    const text = installedUnit();
    if (text === undefined && !existsSync(hostKeyPath())) return [];
    const fault = hostKeyFault();
    if (fault !== undefined) {
      const what = `the host key ${hostKeyPath()} ${fault.what}, so pysync serve does not start`;
      return [problem(what, fault.hints)];
    }
    if (text === undefined) return [withoutUnit()];
    const unit = readUnit(text);
    if (unit === undefined) return [rewritten(`${unitPath()} is not as pysync writes it`, [])];
    const missing = missingPrograms(unit).map((path) =>
      rewritten(`${path} is not there any more, so pysync serve cannot start`, unit.options),
    );
    return missing.length > 0 ? missing : [...otherPysync(unit), ...(await running(unit))];
  },
};

function withoutUnit(): Finding {
  const own = runningServe();
  return ok(
    own === undefined
      ? 'does not run now, and does not start by itself'
      : `runs on port ${own.port} until it is ended, and does not start by itself`,
  );
}

async function answersAt(port: number): Promise<boolean> {
  return (await bannerAt(port, '127.0.0.1'))?.includes('pysync') === true;
}

function rewritten(text: string, options: readonly string[]): Finding {
  return problem(text, againWith(options), again(options));
}

function againWith(options: readonly string[]): string[] {
  return ['to write it again:', quoteAll(['pysync', 'serve', '--install', ...options])];
}

/** Keeps the options that the unit had. */
function again(options: readonly string[]): () => Promise<string> {
  return async () => {
    const systemd = await installUnit(ownUnit(options));
    const next = systemd === 'here' ? 'started it' : 'it starts at your next login';
    return `wrote ${unitPath()} again; ${next}`;
  };
}

function otherPysync({ node, program, options }: Unit): Finding[] {
  const own = ownUnit(options);
  if (node === own.node && program === own.program) return [];
  const what = `its unit starts another pysync or Node than this one: ${node} ${program}`;
  return [warning(what, ['if this one is meant:', ...againWith(options).slice(1)], again(options))];
}

async function running({ options }: Unit): Promise<Finding[]> {
  const port = portIn(options, usualPort);
  const systemd = await userSystemd();
  if (systemd === 'none') {
    const instead = ['run it in a terminal that stays: pysync serve', 'pysync serve --uninstall'];
    return [warning('there is a unit for it, but no systemd here that could start it', instead)];
  }
  if (systemd === 'away') {
    if (await answersAt(port)) return [ok(`answers on port ${port}`)];
    const login = ['log in as yourself, and not by su or sudo, and look again'];
    return [
      warning(`does not answer on port ${port}; your systemd cannot be asked from here`, login),
    ];
  }
  const { active, file } = await unitState();
  const found: Finding[] = [];
  if (file !== 'enabled') {
    found.push(
      warning(
        'does not start by itself at login',
        ['systemctl --user enable pysync'],
        again(options),
      ),
    );
  }
  if (active === 'inactive') {
    return [...found, warning('is stopped', ['systemctl --user start pysync'])];
  }
  if (active === 'failed') {
    const hints = ['to see why: journalctl --user --unit pysync', ...againWith(options)];
    return [
      ...found,
      problem('has ended with an error, and is not started again', hints, again(options)),
    ];
  }
  if (!(await answersAt(port))) {
    const how =
      active === 'active' ? 'runs, and does not answer' : `is ${active}, and answers nobody`;
    return [...found, problem(`${how} on port ${port}`, ['journalctl --user --unit pysync'])];
  }
  return found.length > 0 ? found : [ok(`answers on port ${port}, ${await until()}`)];
}

async function until(): Promise<string> {
  return (await lingers()) === true
    ? 'and starts at boot'
    : 'and starts at login; it ends with your last logout (else: loginctl enable-linger)';
}
