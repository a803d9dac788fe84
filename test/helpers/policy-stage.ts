/**
 * Where the properties of the policies are tried: one receiver, a peer for each kind of key, and a
 * share that is emptied before each scenario. The connections stay open, so that one costs little.
 */
import { randomBytes } from 'node:crypto';
import { chmodSync, readdirSync, rmSync, utimesSync } from 'node:fs';
import { join } from 'node:path';
import type { Key } from './policy-commands.js';
import type { Step } from './policy-effects.js';
import { findings, strangeNames } from './policy-effects.js';
import { look } from './policy-state.js';
import type { State } from './policy-state.js';
import type { Tree } from './policy-tree.js';
import { attributeName, contentOf, makeTree, mustSpawn, oldTime } from './policy-tree.js';
import { imports, play } from './policy-world.js';
import type { Scenario } from './policy-world.js';
import type { Peer } from './peer.js';
import type { Receiver } from './receiver.js';
import { createReceiver, findText, said } from './receiver.js';
import { waitFor } from './tmp.js';

export interface Stage {
  readonly me: Receiver;
  readonly peers: Readonly<Record<Key, Peer>>;
  /** Is in the content and names of all that others have. */
  readonly token: string;
}

export async function setStage(): Promise<Stage> {
  const me = await createReceiver();
  const letIn = (key: Key): Promise<Peer> => me.letIn('--name', key, ...imports[key]);
  return {
    me,
    token: randomBytes(8).toString('hex'),
    peers: {
      'read-write': await letIn('read-write'),
      deleting: await letIn('deleting'),
      'write-only': await letIn('write-only'),
      'read-only': await letIn('read-only'),
    },
  };
}

/** The share as its owner has made it, empty and without what the last run left on the folder itself. */
function emptyShare({ me }: Stage): void {
  for (const name of readdirSync(me.share)) {
    if (name !== 'lost+found') rmSync(join(me.share, name), { recursive: true, force: true });
  }
  const { attributes } = look(me.share).get('') ?? { attributes: '' };
  if (attributes !== '') {
    mustSpawn('setfacl', '-b', '-k', me.share);
    if (attributes.includes('user.')) mustSpawn('setfattr', '-x', attributeName, me.share);
  }
  chmodSync(me.share, 0o750);
  utimesSync(me.share, oldTime + 500, oldTime + 500);
}

/** Others put their things into the empty share. */
export function makeOthers(stage: Stage, others: Tree): void {
  const { me, token } = stage;
  emptyShare(stage);
  makeTree(me.share, others, { text: token, token, owner: me.account });
}

/** What is beside the share, apart from pysync's own. */
const beside = ({ me }: Stage): string[] => [
  ...me.outsideState(),
  ...readdirSync(me.account.home).sort(),
];

/** Sessions are over when their logs are, whatever the client has waited for. */
const sessionsEnd = ({ me }: Stage): Promise<boolean> => {
  const running = join(me.account.home, '.local/state/pysync/running');
  return waitFor('the session to end', () => readdirSync(running).length === 0);
};

/** The names that a key that may fetch is shown, of folders on the way as well. */
async function listedNames({ peers }: Stage): Promise<Set<string>> {
  const reader = peers['read-write'];
  const { stdout } = await reader.rsync(['-r', '--list-only', '-8', `${reader.target}:`]);
  // Permissions, size, date and time precede each path.
  const paths = stdout.split('\n').map((line) => line.replace(/^(?:\S+\s+){4}/, ''));
  return new Set(paths.flatMap((path) => path.split('/')));
}

/** Plays it, and gives what was not as the keys allow, and behind it what the clients said. */
export async function wrongs(stage: Stage, { others, transfers }: Scenario): Promise<string[]> {
  const { me, peers, token } = stage;
  makeOthers(stage, others);
  const wrong: string[] = [];
  const steps: Step[] = [];
  const firsts = new Map<Key, State>();
  const around = beside(stage);
  let before = look(me.share);
  for (const step of transfers) {
    const { key } = step;
    const began = Math.floor(Date.now() / 1000) - 1;
    const { result, folder, remove } = await play(step, peers[key]);
    await sessionsEnd(stage);
    const after = look(me.share);
    if (!firsts.has(key)) firsts.set(key, before);
    const run = {
      step,
      earlier: steps.filter((each) => each.key === key),
      first: firsts.get(key) ?? before,
      before,
      after,
      status: result.exitCode,
      told: said(result) + findText(folder, token).join(),
      share: me.share,
      began,
    };
    wrong.push(...findings(run, token));
    const strange = strangeNames(run);
    const listed = strange.length > 0 ? await listedNames(stage) : new Set();
    for (const name of strange) {
      if (listed.has(name)) wrong.push(`temporary name listed: ${name}`);
    }
    if (said(result).includes(me.secret) || findText(folder, me.secret).length > 0) {
      wrong.push('told about the outside: .');
    }
    if (wrong.length > 0) wrong.push(`the client, status ${result.exitCode}: ${said(result)}`);
    remove();
    steps.push(step);
    before = after;
  }
  if (JSON.stringify(beside(stage)) !== JSON.stringify(around))
    wrong.push('changed beside the share: .');
  return wrong;
}

/** The kinds of what was wrong, without the paths. */
export function kindsOf(wrong: readonly string[]): string[] {
  const kinds = wrong.map((each) => each.replace(/:[^]*/, ''));
  return [...new Set(kinds)].filter((kind) => !kind.startsWith('the client'));
}

/** Sends the tree into an empty share, and gives the paths of files that did not arrive as they were. */
export async function undelivered(
  stage: Stage,
  key: Key,
  options: readonly string[],
  tree: Tree,
): Promise<string[]> {
  makeOthers(stage, []);
  const text = 'sent';
  const command = { pull: false, options, sources: ['./'], place: '', list: [] };
  const { result, remove } = await play({ key, tree, text, command }, stage.peers[key]);
  await sessionsEnd(stage);
  remove();
  const after = look(stage.me.share);
  const lost = tree.flatMap((entry) => {
    if (entry.kind !== 'file') return [];
    const is = after.get(entry.path);
    // What is new has its mode without -p as well, but for what the umask takes away.
    const mode = entry.mode & (options.includes('-rt') ? ~0o022 : ~0o002);
    const arrived =
      is?.content === contentOf(entry.path, entry.size, text) &&
      is.time === entry.time &&
      is.mode.endsWith((0o100000 + mode).toString(8));
    return arrived ? [] : [`${entry.path}: ${JSON.stringify(is)}`];
  });
  return result.exitCode === 0 ? lost : [...lost, said(result)];
}
