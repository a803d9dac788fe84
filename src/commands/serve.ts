/** `pysync serve`: receives by an ssh server of its own, as the user who runs it. */
import { userInfo } from 'node:os';
import { importedKeys } from '../keys/imported.js';
import { isLauncherCurrent, makeLauncher } from '../launcher/install.js';
import { hostKey } from '../server/host-key.js';
import { usualPort } from '../server/listening.js';
import { serve } from '../server/serve.js';
import { endWhenInterrupted, undoable } from '../system/interrupt.js';
import { lanAddresses } from '../system/network.js';
import { note, print } from '../system/output.js';
import { counted, printable } from '../system/text.js';
import { followLog } from './log-follow.js';
import { readPort } from './words/options.js';
import type { Options } from './words/options.js';
import { describeHostKeys, describeReach } from './views/reach.js';

export async function run(_args: readonly string[], options: Options): Promise<void> {
  const port = readPort(options) ?? usualPort;
  const { keys } = await importedKeys();
  if (!isLauncherCurrent()) await makeLauncher();
  const { text, fingerprint } = await hostKey();
  const serving = await serve({
    port,
    hostKey: text,
    anyNetwork: options['anyNetwork'] === true,
    onNotice: (address, what) => {
      note(`${printable(address)} ${printable(what)}`);
    },
  });
  const asJson = options['json'] === true;
  if (!asJson) greet(port, fingerprint, keys.length);
  await undoable(async () => {
    await Promise.race([followLog([], () => true, asJson), serving.failed, untilInterrupted()]);
    const running = serving.running();
    if (running > 0) {
      note(
        `pysync: ends after ${counted(running, 'running transfer')}; Ctrl-C again cuts them off`,
      );
    }
    await serving.finish();
  });
  serving.stop();
  process.exit(0);
}

function greet(port: number, fingerprint: string, keys: number): void {
  const addresses = lanAddresses().map(({ address }) => address);
  const reach = { user: userInfo().username, addresses, port, listens: true };
  const lines = describeReach({ ...reach, hostKeys: [], writableByOthers: [] }, 'read-write');
  print(
    `Receiving from ${counted(keys, 'key')}, until Ctrl-C. Peers on this network use plain rsync:`,
  );
  print();
  for (const line of lines) print(line);
  print();
  for (const line of describeHostKeys([{ type: 'ED25519', fingerprint }])) print(line);
  print();
}

/** The first Ctrl-C; the second one ends pysync at once, and what runs with it. */
function untilInterrupted(): Promise<void> {
  return new Promise((resolve) => {
    endWhenInterrupted(resolve);
  });
}
