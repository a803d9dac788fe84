/** The checks, in the order of the chain from the sender to the share. */
import type { Check } from '../check.js';
import { account } from './account.js';
import { confinement } from './confinement.js';
import { firewall } from './firewall.js';
import { githubKeys } from './github-keys.js';
import { keys } from './keys.js';
import { launcher } from './launcher.js';
import { libguestfs, libguestfsStart } from './libguestfs.js';
import { loginShell } from './login-shell.js';
import { rsync } from './rsync.js';
import { serve } from './serve.js';
import { shares } from './shares.js';
import { sshServer } from './ssh-server.js';
import { sshSettings } from './ssh-settings.js';
import { volumes } from './volumes.js';

export const checks: readonly Check[] = [
  sshServer,
  serve,
  firewall,
  sshSettings,
  account,
  keys,
  githubKeys,
  loginShell,
  launcher,
  rsync,
  confinement,
  shares,
  volumes,
  libguestfs,
];

/** With `--deep`, in the place of those of the same name: they take too long for every day. */
export const deepChecks: readonly Check[] = [libguestfsStart];
