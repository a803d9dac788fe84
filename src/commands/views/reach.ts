/** How a peer reaches this machine: the command to give them, and what ssh will ask them. */
import { homedir, userInfo } from 'node:os';
import type { Access } from '../../gate/policy.js';
import { quote, quoteAll } from '../../gate/quote.js';
import { lanAddresses } from '../../system/network.js';
import { findSshServer } from '../../sshd/server.js';
import type { HostKey } from '../../sshd/server.js';
import { printable } from '../../system/text.js';

export interface Reach {
  readonly user: string;
  readonly addresses: readonly string[];
  readonly port: number;
  /** Whether an ssh server answers at that port. */
  readonly listens: boolean;
  readonly hostKeys: readonly HostKey[];
  /** Files and folders for which sshd would take no key. */
  readonly writableByOthers: readonly string[];
}

export async function findReach(): Promise<Reach> {
  const server = await findSshServer(homedir());
  const addresses = lanAddresses().map(({ address }) => address);
  return { user: userInfo().username, addresses, ...server };
}

/**
 * The command a sender pastes into any shell; for a key that may only fetch, the command to fetch.
 * Without a user ssh names that of the sender.
 */
export function senderCommand(
  { user, port }: { readonly user: string | undefined; readonly port: number },
  address: string,
  access: Access,
): string {
  const shell = port === 22 ? '' : `-e 'ssh -p ${port}' `;
  const host = address.includes(':') ? `[${address}]` : address;
  const remote = `${user === undefined ? '' : `${user}@`}${host}:`;
  // In quotes where there are brackets, which are a pattern for zsh.
  return access === 'read-only'
    ? `rsync -avP ${shell}${quote(`${remote}FILE`)} .`
    : `rsync -avP ${shell}FILE ${quote(remote)}`;
}

/** One command for each address, for `--json`. */
export function senderCommands(reach: Reach, access: Access): string[] {
  return reach.addresses.map((address) => senderCommand(reach, address, access));
}

/** The command, where else it works, and what is in the way, as lines for a person. */
export function describeReach(reach: Reach, access: Access): string[] {
  const [first, ...others] = reach.addresses;
  const lines: string[] = [];
  if (first === undefined) {
    lines.push('This machine is in no network now; once it is, pysync status shows the command.');
  } else {
    lines.push(`    ${senderCommand(reach, first, access)}`);
    if (others.length > 0) lines.push('', `This machine is also ${others.join(', ')}.`);
  }
  const obstacles: string[] = [];
  if (reach.writableByOthers.length > 0) {
    obstacles.push(
      '',
      'The ssh server takes no key while others may write here, so nobody can send yet. To fix it:',
      `    chmod go-w ${printable(quoteAll(reach.writableByOthers))}`,
    );
  }
  if (reach.listens) return [...lines, ...obstacles];
  return [
    ...lines,
    ...obstacles,
    '',
    `No ssh server answers on this machine (port ${reach.port}), so nobody can send yet. To start one:`,
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

/** What is known of the ssh server, for `--json`. */
export function serverAsJson({ port, listens, writableByOthers }: Reach): object {
  return { port, listens, writableByOthers };
}

/** The fingerprints that ssh shows the sender on first contact. */
export function describeHostKeys(hostKeys: readonly HostKey[]): string[] {
  if (hostKeys.length === 0) return [];
  return [
    'On first contact ssh shows the sender a fingerprint. It has to be one of these:',
    ...hostKeys.map(({ type, fingerprint }) => `    ${type} ${fingerprint}`),
  ];
}
