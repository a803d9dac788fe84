/**
 * From a decision to the one command the launcher runs: rsync inside the strongest confinement
 * this machine has. The kernel is the wall; what decide.ts checks is the first layer in front.
 */
import { copyFolders } from '../staging/attributes.js';
import type { Confinement, Decision } from '../gate/decide.js';
import { ownFolder, partsOf } from '../gate/paths.js';
import { quote, quoteAll } from '../gate/quote.js';
import type { Settings } from '../session/settings.js';

export interface Session extends SandboxSession {
  /** The token in its log's header. */
  readonly token: string;
  /** The session's own folder, a path in `share`; empty where it has none. */
  readonly folder: string;
  /** Whether rsync writes each file through to the disk before it gives it its name. */
  readonly syncs: boolean;
}

/**
 * What rsync writes about each file, behind the date and process that it puts there itself:
 * operation, length, bytes over the wire, name. The name is last: it may hold anything. It counts
 * from the share when it is sent, and from the destination when it is received.
 */
const logFormat = '%o %l %b %f';

/** The launcher has the folder that may be written open as this file descriptor. */
export const placeDescriptor = 5;

/** What stands in a session's own folder for the share: a key that may only send sees nothing else. */
export const stagedShare = 'share';

/** A file in the session's own folder: see `enterDestination`. */
export const wholeMark = 'whole';

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

/** The words of the whole command, its program first. */
export function confine(settings: Settings, session: Session, decision: Decision): string[] {
  const program =
    decision.direction === 'push'
      ? receiver(settings, session, decision)
      : withPlaces(sender(settings, session, decision), decision, settings.sh);
  return sandboxed(settings, session, program);
}

function sender(settings: Settings, session: Session, decision: Decision): string[] {
  return [
    settings.rsync,
    ...decision.arguments.slice(0, 2),
    ...logOptions(settings, session),
    // What other transfers keep there is no file. The folder is empty here, and its name goes too.
    `--exclude=${ownFolder}`,
    ...decision.arguments.slice(2),
    // SECURITY: behind `--` a name that starts with a dash stays a name, also one that a wildcard
    // brings in (test/attacks/wildcard-option.test.ts).
    ...['--', '.'],
  ];
}

/** rsync, started by a shell that enters the destination first: see `enterDestination`. */
function receiver(settings: Settings, session: Session, decision: Decision): string[] {
  const { level, root } = confinementOf(settings, session.share);
  const { keepsParts, backup, permissions, sendsModes, attributes, writes, places } = decision;
  const isStaged = writes.kind === 'own';
  const own = isStaged && level === 'bubblewrap' ? '/session' : `${root}/${session.folder}`;
  const deletes = writes.kind === 'folder';
  const keeps =
    session.folder === ''
      ? []
      : [
          `--temp-dir=${own}/tmp`,
          ...(keepsParts ? [`--partial-dir=${own}/parts`] : []),
          ...(backup === undefined || isStaged ? [] : ['--backup', `--backup-dir=${own}/old`]),
        ];
  const place = places[0]?.path ?? '.';
  return [
    ...[settings.sh, '-c', enterDestination, 'sh'],
    isStaged ? `${own}/${stagedShare}` : root,
    ...[place, [root, ...partsOf(place)].join('/')],
    [permissions ? 'p' : '', permissions && sendsModes ? 'u' : '', deletes ? 'd' : ''].join(''),
    ...[attributes, decision.checksLinks === 'place' || attributes !== '' ? own : ''],
    settings.rsync,
    ...decision.arguments.slice(0, 1),
    ...logOptions(settings, session),
    ...(session.syncs && settings.syncsFiles ? ['--fsync'] : []),
    ...keeps,
    ...(deletes ? [`--filter=P_${ownFolder}`] : []),
    ...decision.arguments.slice(1),
  ];
}

function logOptions(settings: Settings, session: Session): string[] {
  // Unguessable (see session.ts), in a folder that cannot be listed.
  const log = settings.level === 'bubblewrap' ? `/log/${nameOf(session.log)}` : session.log;
  return [`--log-file=${log}`, `--log-file-format=${session.token} ${logFormat}`];
}

/** SECURITY: all that rsync's environment holds (test/attacks/environment.test.ts). */
const environment = ['PATH=/usr/bin:/bin', 'LC_ALL=C.UTF-8', 'TZ=UTC0'];

/** What the sandbox is made from. */
export type SandboxSettings = Pick<
  Settings,
  'level' | 'rsync' | 'sh' | 'bwrap' | 'setpriv' | 'libraries' | 'disablesUserns' | 'seccomp'
>;

/** What it is made for. */
export interface SandboxSession {
  /** The share's real path. */
  readonly share: string;
  /** Whether the share is mounted read-only: certain for a peer that may only fetch. */
  readonly readOnly: boolean;
  /** The one folder in a read-only share that can be written, which the launcher has opened. */
  readonly writable?: string;
  /** The one folder of the share that is shown at all, in its place. */
  readonly only?: string;
  /** Folders in the share that are shown empty. */
  readonly hidden?: readonly string[];
  /** The pipe to the connection's log, outside the share. */
  readonly log: string;
}

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
    ...shareArguments(session),
    ...['--remount-ro', '/'],
    // The launcher opens the filter as this file descriptor.
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

/** What the shell in the sandbox ends with where it has told the sender why; rsync has no such status. */
export const refusedStatus = 99;

/**
 * Enters the destination of a push and starts rsync there. Arguments: the share's path, the
 * destination in it, where that is unless it is behind a link, what is asked for, the letters of
 * copied attributes, the session's own folder where something is noted there, and rsync's command
 * without the `-- .` that ends it. What was looked at is entered, so that rsync gets `.` and not a
 * name that could mean something else by then. Where the destination is no folder, rsync makes one,
 * or a file of that name.
 *
 * SECURITY: a destination that was not entered as itself may mean another folder for rsync, and one
 * more when it has ended. That is noted as `whole`, so that all of the share is looked at then, and
 * has its attributes copied (test/attacks/swapped-destination.test.ts).
 *
 * `p`: permissions are the client's. Those of a folder that is there stay as they are, and of a file
 * that is there all but the x bits, since rsync cannot tell the two apart; what is new gets the
 * client's. `u`: whatever the umask takes away; not where rsync makes folders whose modes the client
 * has not sent. `d`: it deletes, so no part of the path may be a link.
 */
const enterDestination = `root=$1 place=$2 entered=$3 asks=$4 attributes=$5 own=$6
shift 6
rsync=$1 from=$root/
refuse() {
  echo "pysync: $1" >&2
  exit ${refusedStatus}
}
cd -P -- "$root" || refuse 'the share cannot be entered'
if cd -P -- "./$place" 2>&-; then
  case $PWD/ in */${ownFolder}/*) refuse "'$place' leads to a folder of pysync's own" ;; esac
  case $asks in
    *d*) [ "$PWD" = "$entered" ] || refuse "'$place' is a link; name the folder it leads to" ;;
  esac
  if [ "$PWD" = "$entered" ]; then from=./; fi
  case $asks in *p*) set -- "$@" --no-perms --executability ;; esac
  case $asks in *u*) umask 0 ;; esac
  place=.
fi
if [ -n "$own" ] && [ "$from" != ./ ]; then : >"$own/${wholeMark}" || exit 1; fi
if [ -n "$attributes" ]; then
  "$rsync" ${copyFolders('"$attributes"')} "$from" "$own/folders/copy/" </dev/null >/dev/null 2>&1 ||
    refuse 'folders here have access lists that would be lost; leave out -A and -X'
  : >"$own/folders/copy.done" || exit 1
fi
exec "$@" -- . "$place"
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
      .|..|*/..|../*|*/../*|${ownFolder}|${ownFolder}/*) ;;
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
