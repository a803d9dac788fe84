/** `pysync find`: receivers on this network, with the command to send to each. */
import { findReceivers } from '../discovery/find.js';
import type { Found } from '../discovery/find.js';
import type { Receiver } from '../discovery/receiver.js';
import { PysyncError } from '../errors.js';
import { print, printJson, style } from '../system/output.js';
import { counted, printable } from '../system/text.js';
import { senderCommand } from './views/reach.js';
import { readWait } from './words/options.js';
import type { Options } from './words/options.js';

const usualWait = 2;

export async function run(_args: readonly string[], options: Options): Promise<void> {
  const seconds = readWait(options) ?? usualWait;
  const found = await findReceivers(seconds);
  if (options['json'] === true) printJson(asJson(found));
  else printText(found);
  if (found.receivers.length > 0) return;
  throw new PysyncError('NONE_FOUND', `no receiver answered within ${counted(seconds, 'second')}`, {
    hints: [
      'is pysync running on the other machine, and is that in the same network?',
      'a firewall on either side may keep out UDP port 5353, and some wireless networks keep all apart',
      'a receiver that is not found can still be reached: ask there for the command, with pysync status',
      `to listen longer: pysync find --wait ${seconds < 10 ? 10 : 60}`,
    ],
  });
}

function printText({ receivers, isCut }: Found): void {
  for (const receiver of receivers) {
    const { name, addresses, fingerprint } = receiver;
    print(style.bold(printable(name)));
    print(`    ${printable(addresses.join(', '))}`);
    print(`    ${fingerprint}`);
    print(`    ${printable(commandsFor(receiver)[0] ?? '')}`);
    print();
  }
  if (receivers.length === 0) return;
  if (isCut)
    print('More announced themselves than are listed; so many are hardly all receivers.\n');
  const twice = receivers.find(({ name }, i) => receivers[i + 1]?.name === name);
  if (twice !== undefined) print(`More than one calls itself '${printable(twice.name)}'.\n`);
  print(
    'Anyone on the network can announce any name and fingerprint. Before you send, compare the',
  );
  print("fingerprint that ssh shows you with the one on the receiver's own screen.");
}

function commandsFor(receiver: Receiver): string[] {
  return receiver.addresses.map((address) =>
    senderCommand({ port: receiver.port }, address, 'read-write'),
  );
}

function asJson({ receivers, isCut }: Found): object {
  return {
    receivers: receivers.map((receiver) => ({
      ...receiver,
      user: receiver.user ?? null,
      commands: commandsFor(receiver),
    })),
    isCut,
  };
}
