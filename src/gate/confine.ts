/**
 * From a decision to the one command the launcher runs: rsync inside the strongest confinement
 * this machine has. The kernel is the wall; what decide.ts checks is the first layer in front.
 */
import type { Confinement, Decision } from './decide.js';
import { quote, quoteAll } from './quote.js';
import type { Settings } from './settings.js';

export interface Session {
  /** The share's real path. */
  readonly share: string;
  /** Whether the share is mounted read-only: certain for a peer that may only fetch. */
  readonly readOnly: boolean;
  /** The pipe to the connection's log, outside the share. */
  readonly log: string;
  /** The token in its header. */
  readonly token: string;
}

/**
 * What rsync writes about each file, behind the date and process that it puts there itself:
 * operation, length, bytes over the wire, name. The name is last: it may hold anything. It counts
 * from the share when it is sent, and from the destination when it is received.
 */
const logFormat = '%o %l %b %f';

/** Where a sandbox of this level shows the share. */
export function confinementOf(
  settings: Pick<Settings, 'level' | 'dropsDevices' | 'confinesRoot'>,
  share: string,
): Confinement {
  const { level, dropsDevices } = settings;
  if (level === 'bubblewrap') {
    // Nothing else is there to confine it from, and rsync 3.5.0 could not open its log with it.
    return { level, root: '/share', dropsDevices, confinesRoot: false };
  }
  return { level, root: share, dropsDevices, confinesRoot: settings.confinesRoot };
}

/**
 * The words of the whole command, its program first. `syncs`: rsync writes each file through to the
 * disk before it gives it its name.
 */
export function confine(
  settings: Settings,
  session: Session,
  decision: Decision,
  syncs: boolean,
): string[] {
  // Unguessable (see session.ts), in a folder that cannot be listed.
  const log = settings.level === 'bubblewrap' ? `/log/${nameOf(session.log)}` : session.log;
  const rsync = [
    settings.rsync,
    ...decision.arguments.slice(0, 1),
    `--log-file=${log}`,
    `--log-file-format=${session.token} ${logFormat}`,
    ...(syncs && decision.direction === 'push' && settings.syncsFiles ? ['--fsync'] : []),
    ...decision.arguments.slice(1),
  ];
  const program = withGuard(withPlaces(rsync, decision, settings.sh), decision, settings.sh);
  return sandboxed(settings, session, program);
}

/** SECURITY: all that rsync's environment holds (test/attacks/environment.test.ts). */
const environment = ['PATH=/usr/bin:/bin', 'LC_ALL=C.UTF-8', 'TZ=UTC0'];

/** What the sandbox is made from. */
export type SandboxSettings = Pick<
  Settings,
  'level' | 'rsync' | 'sh' | 'bwrap' | 'setpriv' | 'libraries' | 'disablesUserns' | 'seccomp'
>;

/** What it is made for. */
export type SandboxSession = Omit<Session, 'token'>;

/** The words that run `program` as every transfer runs: in the environment and sandbox of one. */
export function sandboxed(
  settings: SandboxSettings,
  session: SandboxSession,
  program: readonly string[],
): string[] {
  return ['/usr/bin/env', '-i', ...environment, ...cage(settings, session, program)];
}

function cage(
  settings: SandboxSettings,
  session: SandboxSession,
  program: readonly string[],
): string[] {
  switch (settings.level) {
    case 'bubblewrap':
      return [settings.bwrap, ...bubblewrapArguments(settings, session), '--', ...program];
    case 'landlock':
      return [
        settings.setpriv,
        ...landlockArguments(settings, session),
        '--',
        ...inFolder(session.share, settings.sh, program),
      ];
    case 'none':
      return inFolder(session.share, settings.sh, program);
  }
}

/**
 * Own mount, pid, ipc, uts, cgroup, user and network namespaces and no capabilities. The root is
 * made read-only last: a push through a link to `/` would fill memory that nobody sees. No /proc:
 * it would tell the share's real path.
 */
function bubblewrapArguments(settings: SandboxSettings, session: SandboxSession): string[] {
  const programs = [settings.rsync, settings.sh, ...settings.libraries];
  return [
    ...['--unshare-all', '--unshare-user', '--die-with-parent', '--new-session', '--clearenv'],
    ...(settings.disablesUserns ? ['--disable-userns'] : []),
    ...['--cap-drop', 'ALL', '--hostname', 'pysync'],
    ...environment.flatMap((entry) => ['--setenv', ...splitOnce(entry)]),
    ...programs.flatMap((path) => ['--ro-bind', path, path]),
    ...['null', 'zero', 'urandom'].flatMap((name) => [
      '--dev-bind',
      `/dev/${name}`,
      `/dev/${name}`,
    ]),
    // SECURITY: without read permission on /log, no link to it lists the log's name
    // (test/attacks/connection-log.test.ts).
    ...['--perms', '0111', '--dir', '/log', '--bind', session.log, `/log/${nameOf(session.log)}`],
    ...[session.readOnly ? '--ro-bind' : '--bind', session.share, '/share'],
    ...['--remount-ro', '/', '--chdir', '/share'],
    // The launcher opens the filter as this file descriptor.
    ...(settings.seccomp === '' ? [] : ['--seccomp', '9']),
  ];
}

/** Landlock lets through what is named here and nothing else; making devices and fifos is not. */
function landlockArguments(settings: SandboxSettings, session: SandboxSession): string[] {
  const write =
    'write-file,truncate,remove-dir,remove-file,make-dir,make-reg,make-sym,refer,read-file,read-dir';
  const rule = (access: string, path: string): string[] => [
    '--landlock-rule',
    `path-beneath:${access}:${path}`,
  ];
  return [
    ...['--no-new-privs', '--landlock-access', 'fs'],
    ...[settings.rsync, settings.sh, ...settings.libraries].flatMap((path) =>
      rule('execute,read-file', path),
    ),
    ...['null', 'zero', 'urandom'].flatMap((name) => rule('read-file,write-file', `/dev/${name}`)),
    ...rule('write-file', session.log),
    ...rule(session.readOnly ? 'read-file,read-dir' : write, session.share),
  ];
}

function inFolder(folder: string, sh: string, program: readonly string[]): string[] {
  return [sh, '-c', `cd ${quote(folder)} && exec ${quoteAll(program)}`];
}

/**
 * rsync with its places behind the lone `.`. Wildcards are expanded by a shell inside the sandbox:
 * with an empty IFS an unquoted word is expanded to path names and nothing else happens to it.
 */
function withPlaces(rsync: readonly string[], decision: Decision, sh: string): string[] {
  const { places } = decision;
  if (!places.some((place) => place.pattern !== undefined)) {
    return [...rsync, ...places.map((place) => place.path)];
  }
  const tagged = places.map(({ path, pattern }) =>
    pattern === undefined ? `=${path}` : `?${pattern}`,
  );
  return [sh, '-c', `${expand}exec ${quoteAll(rsync)} "$@"`, 'sh', ...tagged];
}

/**
 * SECURITY: a link such as `self -> .` makes the top of the share of a folder in it, and
 * `--delete` would empty it for all (test/attacks/delete-without-leave.test.ts). It is looked for
 * where rsync is going to run, since the gate follows nothing in the share.
 */
function withGuard(program: readonly string[], decision: Decision, sh: string): readonly string[] {
  if (decision.deletesBelow === '') return program;
  return [sh, '-c', guard, 'sh', decision.deletesBelow, ...program];
}

const guard = `if [ "$1" -ef . ]; then
  echo 'pysync: --delete is not allowed at the top of the share, which others use too' >&2
  exit 1
fi
shift
exec "$@"
`;

/**
 * `.*` also matches `..` in some shells, which no one means. A pattern that matches nothing stays
 * as it is: with no argument left rsync would send the whole share.
 */
const expand = `IFS=
for tagged do
  shift
  case $tagged in
    '='*) set -- "$@" "\${tagged#=}"; continue ;;
  esac
  found=
  for name in \${tagged#?}; do
    case $name in
      .|..|*/..|../*|*/../*) ;;
      *) set -- "$@" "$name"; found=yes ;;
    esac
  done
  [ -n "$found" ] || set -- "$@" "\${tagged#?}"
done
`;

function nameOf(path: string): string {
  return path.slice(path.lastIndexOf('/') + 1);
}

function splitOnce(entry: string): [string, string] {
  const at = entry.indexOf('=');
  return [entry.slice(0, at), entry.slice(at + 1)];
}
