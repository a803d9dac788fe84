/**
 * Two machines on one cable: network namespaces joined by a pair of virtual interfaces, with an
 * address each and nothing else in reach.
 */
import { randomBytes, randomInt } from 'node:crypto';
import { inject } from 'vitest';
import { exec, mustExec } from './exec.js';
import type { ExecOptions, ExecResult } from './exec.js';
import { needsRoot } from './root.js';
import { enterInLedger, strikeFromLedger } from './run-folder.js';

export interface Host {
  /** The name of its network namespace. */
  readonly netns: string;
  readonly address: string;
  exec(argv: readonly string[], options?: Omit<ExecOptions, 'netns'>): Promise<ExecResult>;
}

export interface Hosts {
  readonly receiver: Host;
  readonly sender: Host;
  remove(): Promise<void>;
}

export async function createHosts(): Promise<Hosts> {
  needsRoot('a network namespace');
  const id = randomBytes(4).toString('hex');
  const network = `10.${randomInt(1, 255)}.${randomInt(256)}`;
  const receiver = createHost(`pysynct-${id}-receiver`, `${network}.1`);
  const sender = createHost(`pysynct-${id}-sender`, `${network}.2`);
  const runFolder = inject('runFolder');
  for (const { netns } of [receiver, sender]) {
    enterInLedger(runFolder, 'netns', netns);
    await mustExec(['ip', 'netns', 'add', netns]);
  }
  // Both ends are made inside the namespaces, so that the machine's own network never sees them.
  // prettier-ignore
  await mustExec(['ip', '-netns', receiver.netns, 'link', 'add', 'eth0', 'type', 'veth',
    'peer', 'name', 'eth0', 'netns', sender.netns]);
  for (const { netns, address } of [receiver, sender]) {
    const ip = ['ip', '-netns', netns];
    await mustExec([...ip, 'address', 'add', `${address}/24`, 'dev', 'eth0']);
    await mustExec([...ip, 'link', 'set', 'lo', 'up']);
    await mustExec([...ip, 'link', 'set', 'eth0', 'up']);
  }
  return {
    receiver,
    sender,
    remove: async () => {
      for (const { netns } of [receiver, sender]) {
        await mustExec(['ip', 'netns', 'delete', netns]);
        strikeFromLedger(runFolder, 'netns', netns);
      }
    },
  };
}

function createHost(netns: string, address: string): Host {
  return { netns, address, exec: (argv, options = {}) => exec(argv, { ...options, netns }) };
}
