/** `pysync serve`: receives by an ssh server of its own, as the user who runs it. */
import { hostname, userInfo } from 'node:os';
import { announce } from '../discovery/announce.js';
import { publishes } from '../discovery/published.js';
import type { Policy } from '../gate/policy.js';
import { importedKeys } from '../keys/imported.js';
import { peerName } from '../keys/new-line.js';
import type { Rules } from '../keys/new-line.js';
import { isLauncherCurrent, makeLauncher } from '../launcher/install.js';
import type { OnNotice } from '../server/answers.js';
import { makeCode } from '../server/codes.js';
import type { Code } from '../server/codes.js';
import { hostKey } from '../server/host-key.js';
import { usualPort } from '../server/listening.js';
import { noteServe, refuseSecondServe } from '../server/running.js';
import { serve } from '../server/serve.js';
import { makeShare } from '../share/share.js';
import { endWhenInterrupted, undoable } from '../system/interrupt.js';
import { canPressKeys } from '../system/key-presses.js';
import { lanAddresses } from '../system/network.js';
import { note, print, printJsonLine } from '../system/output.js';
import { startBoard } from '../system/progress.js';
import { counted, printable } from '../system/text.js';
import { openDoor } from './door.js';
import { followLog } from './log-follow.js';
import { rootWarning, rulesFrom } from './rules.js';
import { isAboutUnit, run as runInstall } from './serve-install.js';
import { readPort } from './words/options.js';
import type { Options } from './words/options.js';
import { describeHostKeys, senderLines } from './views/reach.js';
import { describeSize } from './views/size-report.js';

export async function run(_args: readonly string[], options: Options): Promise<void> {
  if (isAboutUnit(options)) return runInstall(_args, options);
  const port = readPort(options) ?? usualPort;
  const asJson = options['json'] === true;
  const isWatched = canPressKeys() && !asJson;
  const pairs = options['pair'] === true || (options['pair'] === undefined && isWatched);
  const code = options['code'] === true ? makeCode(new Date()) : undefined;
  for (const sentence of rootWarning()) note(`pysync: ${sentence}`);
  const { rules } = await rulesFrom(options);
  refuseSecondServe();
  if (options['size'] !== undefined) await cap(rules.share, options);
  // What strangers need is made now, while the owner is here to read why it cannot be had.
  if (pairs || code !== undefined) makeShare(rules.share);
  if (!isLauncherCurrent()) await makeLauncher();
  const { text, fingerprint } = await hostKey();
  const board = asJson ? undefined : startBoard();
  const say = board?.print ?? print;
  const onNotice: OnNotice = (address, what) => {
    if (asJson) printJsonLine({ event: 'notice', address, what });
    else say(`${printable(address)} ${printable(what)}`);
  };
  const door = pairs
    ? openDoor({ options, share: rules.share, say, asJson, isWatched })
    : undefined;
  const serving = await serve({
    port,
    hostKey: text,
    anyNetwork: options['anyNetwork'] === true,
    strangers: {
      knocks: door?.knocks,
      code,
      from: rules.from,
      guestPolicy: (user, key) => guestPolicy(rules, user, key),
    },
    onNotice,
  });
  noteServe({ port, fingerprint });
  if (asJson) printJsonLine({ event: 'serving', port, fingerprint, code: code?.text ?? null });
  else await greet(port, fingerprint, code, pairs);
  const announced =
    options['announce'] === false
      ? undefined
      : announce({
          ...{ port, user: userInfo().username, fingerprint },
          onProblem: (sentence) => {
            onNotice('pysync:', sentence);
          },
        });
  const view = { board, below: () => door?.lines() ?? [] };
  await undoable(async () => {
    const follows = followLog([], () => true, asJson, view);
    await Promise.race([follows, serving.failed, untilInterrupted()]);
    const running = serving.running();
    if (running > 0) {
      const what = counted(running, 'running transfer');
      (asJson ? note : say)(`pysync: ends after ${what}; Ctrl-C again cuts off`);
    }
    await Promise.all([announced?.stop(), serving.finish()]);
  });
  serving.stop();
  board?.end();
  // What follows the log would not end by itself.
  process.exit(0);
}

/** Before the first one gets in. */
async function cap(share: string, options: Options): Promise<void> {
  const { readSize, setSize } = await import('./size.js');
  const report = await setSize(share, readSize(options), options);
  for (const sentence of report.notes) note(`pysync: ${printable(sentence)}`);
  if (options['json'] !== true) for (const line of describeSize(report)) print(line);
}

/** What somebody may do who is let in once: as a key would, with a name that says so. */
function guestPolicy({ share, access, allowDelete }: Rules, user: string, key: string): Policy {
  return {
    ...{ peer: `guest-${peerName(user, key)}`.slice(0, 64), key, share, access, allowDelete },
    source: 'guest',
    imported: new Date().toISOString().replace(/\.\d+Z$/, 'Z'),
  };
}

async function greet(
  port: number,
  fingerprint: string,
  code: Code | undefined,
  pairs: boolean,
): Promise<void> {
  const { keys } = await importedKeys();
  const peers = new Set(keys.map(({ policy }) => policy.peer)).size;
  const addresses = lanAddresses().map(({ address }) => address);
  const name = `${hostname().split('.', 1)[0] ?? ''}.local`;
  if (await publishes(name)) addresses.push(name);
  const whom = peers === 0 ? 'nobody is known yet' : `${counted(peers, 'peer')} known`;
  print(`Receiving on port ${port} until Ctrl-C; ${whom}. Senders use plain rsync:`);
  print();
  const door = { port, hostKeys: [{ type: 'ED25519', fingerprint }] };
  for (const line of senderLines(addresses, door, 'read-write')) print(line);
  print();
  for (const line of describeHostKeys([door])) print(line);
  if (pairs) print('Somebody new may knock with the same command; you are asked here.');
  if (code !== undefined) {
    const time = code.expires.toTimeString().slice(0, 5);
    print(`Without a key, once and until ${time}, this code lets somebody in: ${code.text}`);
  }
  print();
}

/** The first Ctrl-C; the second one ends pysync at once, and what runs with it. */
function untilInterrupted(): Promise<void> {
  return new Promise((resolve) => {
    endWhenInterrupted(resolve);
  });
}
