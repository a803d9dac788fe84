/** From a decision to the one command the launcher runs: rsync in its sandbox. */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Decision } from '../gate/decide.js';
import { isTop, ownFolder, partsOf } from '../gate/paths.js';
import type { SandboxSession, SandboxSettings } from '../sandbox/sandbox.js';
import { sandboxed, sandboxes } from '../sandbox/sandboxes.js';
import { stagedShare } from '../staging/folder.js';

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

/** The words of the whole command, its program first. */
export function transferCommand(
  settings: SandboxSettings,
  session: Session,
  decision: Decision,
): string[] {
  const isPush = decision.direction === 'push';
  const program = isPush
    ? receiver(settings, session, decision)
    : sender(settings, session, decision);
  return sandboxed(settings, session, program);
}

function sender(settings: SandboxSettings, session: Session, decision: Decision): string[] {
  const { places } = decision;
  const rsync = [
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
  if (!places.some(({ pattern }) => pattern !== undefined)) {
    return [...rsync, ...places.map(({ path }) => path)];
  }
  const marked = places.map(({ path, pattern }) =>
    pattern === undefined ? `=${path}` : `?${pattern}`,
  );
  return [...script(settings, 'expand-wildcards'), String(rsync.length), ...rsync, ...marked];
}

/** rsync, started by a script that enters the destination first. */
function receiver(settings: SandboxSettings, session: Session, decision: Decision): string[] {
  const { root, only } = sandboxes[settings.level].view(session);
  const { keepsParts, backup, permissions, sendsModes, attributes, writes, places } = decision;
  const isStaged = writes.kind === 'own';
  const own = isStaged ? only : `${root}/${session.folder}`;
  const deletes = writes.kind === 'folder';
  const place = places[0]?.path ?? '.';
  // rsync 3.5.0 walks this path again for each file. From the share's top, which is always entered, the walk
  // is shorter.
  const near = !isStaged && isTop(place) ? session.folder : own;
  const keeps =
    session.folder === ''
      ? []
      : [
          `--temp-dir=${near}/tmp`,
          ...(keepsParts ? [`--partial-dir=${own}/parts`] : []),
          ...(backup === undefined || isStaged ? [] : ['--backup', `--backup-dir=${own}/old`]),
        ];
  return [
    ...script(settings, 'enter-destination'),
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

function logOptions(settings: SandboxSettings, session: Session): string[] {
  // Unguessable (see log.ts), in a folder that cannot be listed.
  const { log } = sandboxes[settings.level].view(session);
  return [`--log-file=${log}`, `--log-file-format=${session.token} ${logFormat}`];
}

/** The words that run a script of this folder: nothing of pysync's is in the sandbox. */
function script({ sh }: SandboxSettings, name: string): string[] {
  return [sh, '-c', readFileSync(join(__dirname, `${name}.sh`), 'utf8'), name];
}
