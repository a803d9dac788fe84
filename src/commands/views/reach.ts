/** How a peer reaches this machine: the command to give them, and what ssh will ask them. */
import { homedir, userInfo } from 'node:os';
import type { Access } from '../../gate/policy.js';
import { quote, quoteAll } from '../../gate/quote.js';
import { runningServe } from '../../server/running.js';
import { findSshServer } from '../../sshd/server.js';
import type { HostKey } from '../../sshd/server.js';
import { lanAddresses } from '../../system/network.js';
import { printable } from '../../system/text.js';

/** An ssh server that lets peers in. */
export interface Listener {
  /**
   * The account, where it has to be named. `pysync serve` takes any name, and shows the one that ssh gives by
   * itself, the sender's own, when they knock.
   */
  readonly user?: string | undefined;
  readonly port: number;
  readonly hostKeys: readonly HostKey[];
}

export interface Reach {
  readonly user: string;
  readonly addresses: readonly string[];
  /** The port of the system's ssh server. */
  readonly port: number;
  /** Whether it answers there. */
  readonly listens: boolean;
  readonly hostKeys: readonly HostKey[];
  /** Files and folders for which sshd would take no key. */
  readonly writableByOthers: readonly string[];
  /** `pysync serve`, where it runs. */
  readonly serve: Listener | undefined;
}

export async function findReach(): Promise<Reach> {
  const server = findSshServer(homedir());
  const addresses = lanAddresses().map(({ address }) => address);
  const own = runningServe();
  const serve =
    own === undefined
      ? undefined
      : { port: own.port, hostKeys: [{ type: 'ED25519', fingerprint: own.fingerprint }] };
  return { user: userInfo().username, addresses, serve, ...(await server) };
}

/** Those that answer; the system's, where it should, while none does. */
function listenersOf(reach: Reach): readonly [Listener, ...Listener[]] {
  const { port, hostKeys, listens, serve } = reach;
  const system = { user: reach.user, port, hostKeys };
  if (serve === undefined) return [system];
  return listens ? [system, serve] : [serve];
}

/**
 * The command a sender pastes into any shell; for a key that may only fetch, the command to fetch.
 * Without a user ssh names that of the sender.
 */
export function senderCommand(
  { user, port }: Pick<Listener, 'user' | 'port'>,
  address: string,
  access: Access,
): string {
  const host = address.includes(':') ? `[${address}]` : address;
  const remote = `${user === undefined ? '' : `${user}@`}${host}:`;
  // In quotes where there are brackets, which are a pattern for zsh.
  return access === 'read-only'
    ? `rsync -avP ${remoteShell(port)}${quote(`${remote}FILE`)} .`
    : `rsync -avP ${remoteShell(port)}FILE ${quote(remote)}`;
}

const remoteShell = (port: number): string => (port === 22 ? '' : `-e 'ssh -p ${port}' `);

/** One command for each listener and address. */
function senderCommands(reach: Reach, access: Access): string[] {
  return listenersOf(reach).flatMap((listener) =>
    reach.addresses.map((address) => senderCommand(listener, address, access)),
  );
}

/** The command for one listener, and where else it works, as lines for a person. */
export function senderLines(
  [first, ...others]: readonly string[],
  listener: Pick<Listener, 'user' | 'port'>,
  access: Access,
): string[] {
  if (first === undefined) {
    return ['This machine is in no network now; once it is, pysync status shows the command.'];
  }
  const line = `    ${senderCommand(listener, first, access)}`;
  return others.length === 0 ? [line] : [line, '', `This machine is also ${others.join(', ')}.`];
}

/** The command, where else it works, and what is in the way, as lines for a person. */
export function describeReach(reach: Reach, access: Access): string[] {
  const [listener, ...more] = listenersOf(reach);
  const lines = senderLines(reach.addresses, listener, access);
  for (const { port } of more) {
    lines.push(`pysync serve answers, too, with ${remoteShell(port).trim()} in the command.`);
  }
  const isSystems = reach.listens || reach.serve === undefined;
  if (isSystems && reach.writableByOthers.length > 0) {
    lines.push(
      '',
      'The ssh server takes no key while others may write here, so nobody can send yet. To fix it:',
      `    chmod go-w ${printable(quoteAll(reach.writableByOthers))}`,
    );
  }
  if (reach.listens || reach.serve !== undefined) return lines;
  return [
    ...lines,
    '',
    `No ssh server answers on this machine (port ${reach.port}), so nobody can send yet. To receive now:`,
    '    pysync serve',
    'Or have one of the system, which also answers when nobody is logged in:',
    ...serverHints(),
  ];
}

function serverHints(): string[] {
  if (process.platform === 'darwin') {
    return ['    System Settings > General > Sharing > Remote Login: on'];
  }
  return [
    '    sudo apt-get install openssh-server     (Debian, Ubuntu)',
    '    sudo systemctl enable --now ssh         (elsewhere the service is called sshd)',
  ];
}

/** For `--json`. */
export function reachAsJson(reach: Reach, access: Access): object {
  const { port, listens, writableByOthers, serve = null, hostKeys } = reach;
  return {
    commands: senderCommands(reach, access),
    sshServer: { port, listens, writableByOthers },
    serve,
    hostKeys,
  };
}

/** The fingerprints that ssh shows the sender on first contact. */
export function describeHostKeys(listeners: readonly Listener[]): string[] {
  const keys = listeners.flatMap(({ hostKeys, port }) =>
    hostKeys.map((key) => ({ ...key, where: listeners.length > 1 ? ` (port ${port})` : '' })),
  );
  if (keys.length === 0) return [];
  return [
    'On first contact ssh shows the sender a fingerprint. It has to be one of these:',
    ...keys.map(({ type, fingerprint, where }) => `    ${type} ${fingerprint}${where}`),
  ];
}

/** Those of all that answer. */
export function hostKeyLines(reach: Reach): string[] {
  return describeHostKeys(listenersOf(reach));
}
