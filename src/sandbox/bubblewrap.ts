/**
 * bubblewrap: rsync in namespaces of its own, in which the share, rsync and what it needs are all
 * there is.
 */
import { environment, placeDescriptor } from './sandbox.js';
import type { Sandbox, SandboxSession, SandboxSettings } from './sandbox.js';

export const bubblewrap: Sandbox = {
  meaning: 'rsync runs in a bubblewrap sandbox that holds the share and nothing else',
  hidesOutside: true,
  takesFilter: true,
  programs: ({ bwrap }) => [bwrap],
  view: ({ log }) => ({ root: '/share', only: '/session', log: logInside(log) }),
  command: (settings, session, program) => [
    settings.bwrap,
    ...bubblewrapArguments(settings, session),
    '--',
    ...program,
  ],
};

function logInside(log: string): string {
  return `/log/${log.slice(log.lastIndexOf('/') + 1)}`;
}

/**
 * Own mount, pid, ipc, uts, cgroup, user and network namespaces and no capabilities. The root is
 * made read-only last: a push through a link to `/` would fill memory that nobody sees. No /proc:
 * it would tell the share's real path.
 */
export function bubblewrapArguments(settings: SandboxSettings, session: SandboxSession): string[] {
  const programs = [settings.rsync, settings.sh, ...settings.libraries];
  return [
    ...['--unshare-all', '--unshare-user', '--die-with-parent', '--new-session', '--clearenv'],
    ...(settings.disablesUserns ? ['--disable-userns'] : []),
    ...['--cap-drop', 'ALL', '--hostname', 'pysync'],
    ...environment.flatMap((entry) => ['--setenv', ...entry.split('=')]),
    ...programs.flatMap((path) => ['--ro-bind', path, path]),
    ...['null', 'zero', 'urandom'].flatMap((name) => [
      '--dev-bind',
      `/dev/${name}`,
      `/dev/${name}`,
    ]),
    // SECURITY: without read permission on /log, no link to it lists the log's name
    // (test/attacks/connection-log.test.ts).
    ...['--perms', '0111', '--dir', '/log', '--bind', session.log, logInside(session.log)],
    ...shareArguments(session),
    ...['--remount-ro', '/'],
    ...(settings.seccomp === '' ? [] : ['--seccomp', '9']),
  ];
}

/**
 * The share, or what is shown of it. SECURITY: a folder that may be written was opened before, by the
 * launcher, and is mounted as that descriptor: whatever its name leads to by now
 * (test/attacks/delete-without-leave.test.ts).
 */
function shareArguments({
  share,
  readOnly,
  writable,
  only,
  hidden = [],
}: SandboxSession): string[] {
  if (only !== undefined) return ['--bind', `${share}/${only}`, '/session', '--chdir', '/session'];
  return [
    ...[readOnly || writable !== undefined ? '--ro-bind' : '--bind', share, '/share'],
    ...(writable === undefined
      ? []
      : ['--bind', `/proc/self/fd/${placeDescriptor}`, `/share/${writable}`]),
    ...hidden.flatMap((folder) => [
      ...['--tmpfs', `/share/${folder}`, '--remount-ro', `/share/${folder}`],
    ]),
    ...['--chdir', '/share'],
  ];
}
