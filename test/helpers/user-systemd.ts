/**
 * A systemd of the account's own on a machine that has none: a systemctl and a loginctl that know the
 * few commands that pysync gives them, and really start and stop what the unit says.
 */
import { existsSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Home } from './home.js';
import { machineOf } from './machine.js';
import type { Machine, MachineOptions } from './machine.js';
import { endUser } from './run-folder.js';
import { createTemporaryFolder } from './tmp.js';

export interface UserSystemd {
  readonly machine: Machine;
  /** What systemctl was told so far, without `--user --no-pager`. */
  calls(): string[];
  /** A state that it is put into, or taken out of. */
  set(state: State, isSo?: boolean): void;
  isEnabled(): boolean;
  /** Ends what it has started, as the end of a test. */
  end(): Promise<void>;
}

/**
 * - `unreached`: no command gets to it;
 * - `idle`: it starts nothing, and calls that failed;
 * - `failed`: what it had started has ended with an error;
 * - `enabled`: it starts pysync at login;
 * - `linger`: the account's systemd outlives its logins.
 */
export type State = 'unreached' | 'idle' | 'failed' | 'enabled' | 'linger';

export const unitFile = '.config/systemd/user/pysync.service';

export function useUserSystemd(home: Home, options: MachineOptions = {}): UserSystemd {
  const folder = createTemporaryFolder(home.account).path;
  const machine = machineOf(home, options);
  machine.install('systemctl', systemctl(folder, home));
  machine.install('loginctl', `#!/bin/sh\n[ -e ${folder}/linger ] && echo yes || echo no\n`);
  const path = (name: string): string => join(folder, name);
  return {
    machine,
    calls: () => (existsSync(path('calls')) ? lines(path('calls')) : []),
    set: (state, isSo = true) => {
      if (isSo) writeFileSync(path(state), '');
      else rmSync(path(state), { force: true });
    },
    isEnabled: () => existsSync(path('enabled')),
    end: () => endUser(home.account.uid),
  };
}

function lines(path: string): string[] {
  return readFileSync(path, 'utf8').split('\n').filter(Boolean);
}

const systemctl = (folder: string, home: Home): string => `#!/bin/sh
cd ${folder} || exit
if [ -e unreached ]; then
  echo 'Failed to connect to bus: No medium found' >&2
  exit 1
fi
[ "$1 $2" = '--user --no-pager' ] && [ -n "$XDG_RUNTIME_DIR" ] || exit 3
shift 2
echo "$*" >>calls
runs() { [ -e pid ] && grep -qs '^State:.[^Z]' "/proc/$(cat pid)/status"; }
start() {
  [ -e loaded ] || { echo 'Unit pysync.service not found.' >&2; exit 5; }
  [ -e idle ] && { touch failed; return; }
  runs && return
  (
    exec </dev/null >>journal 2>&1
    eval "exec setsid env -i HOME=${home.account.home} $(sed -n 's/^ExecStart=//p' loaded)"
  ) &
  echo $! >pid
}
stop() {
  runs || return
  kill "$(cat pid)"
  while runs; do sleep 0.05; done
}
case "$*" in
'show --property=Version') echo Version=252 ;;
'show pysync.service --property=ActiveState,UnitFileState')
  if runs; then echo ActiveState=active
  elif [ -e failed ]; then echo ActiveState=failed
  else echo ActiveState=inactive; fi
  if [ -e enabled ]; then echo UnitFileState=enabled; else echo UnitFileState=disabled; fi ;;
daemon-reload) cp ${home.path(unitFile)} loaded 2>/dev/null || rm -f loaded ;;
'reset-failed pysync.service') rm -f failed ;;
'enable --now pysync.service') touch enabled && start ;;
'disable --now pysync.service') rm -f enabled && stop ;;
'restart pysync.service') stop && start ;;
*) echo "systemctl: $*" >&2; exit 2 ;;
esac
exit 0
`;
