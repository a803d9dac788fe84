/** What `pysync find` shows on a host. */
import { join } from 'node:path';
import { expect, inject } from 'vitest';
import type { Receiver } from '../../src/discovery/receiver.js';
import type { ExecResult } from './exec.js';
import type { Host } from './hosts.js';
import { waitFor } from './tmp.js';

export type FoundReceiver = Receiver & { readonly commands: readonly string[] };

/** The sentence of each reason for finding none. */
const sentences = {
  NONE_FOUND: 'no receiver answered within',
  NO_NETWORK: 'this machine is in no network',
  NO_MDNS: 'UDP port 5353, on which receivers answer, cannot be used',
};

export function pysyncFind(host: Host, ...options: readonly string[]): Promise<ExecResult> {
  return host.exec([inject('node'), join(inject('program'), 'bin/pysync.js'), 'find', ...options]);
}

/** All that are found within a second; where there are none, it has to be for this reason. */
export async function found(
  host: Host,
  reason: keyof typeof sentences = 'NONE_FOUND',
): Promise<readonly FoundReceiver[]> {
  const { stdout, stderr, exitCode } = await pysyncFind(host, '--json', '--wait', '1');
  if (exitCode === 0) return (JSON.parse(stdout) as { receivers: FoundReceiver[] }).receivers;
  expect(exitCode).toBe(1);
  expect(stderr).toContain(`pysync: ${sentences[reason]}`);
  return [];
}

/** Looks again and again until one of that name is found. */
export async function waitUntilFound(host: Host, name: string): Promise<FoundReceiver> {
  return await waitFor(
    `${name} to be found`,
    async () => {
      const { stdout } = await pysyncFind(host, '--json', '--wait', '0.5');
      if (stdout === '') return undefined;
      const { receivers } = JSON.parse(stdout) as { receivers: FoundReceiver[] };
      return receivers.find((each) => each.name === name);
    },
    30_000,
  );
}
