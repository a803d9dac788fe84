/** Whether a name of this machine leads to it: others may be told to use such a name. */
import { networkInterfaces } from 'node:os';
import { canonical } from './addresses.js';
import { openLinks } from './link.js';
import type { Packet, Sender } from './link.js';
import { isHostName } from './receiver.js';
import { lanInterfaces } from '../system/network.js';

/** Milliseconds; who publishes a name on this very machine answers in 20. */
const patience = 400;

/**
 * Whether something on this machine, such as avahi, publishes `host` (`laptop.local`) by multicast
 * DNS: an answer comes from this machine and names it alone. What is only in /etc/hosts does not count,
 * since nobody else can see it, and a name that another machine holds does not either.
 *
 * False as well under systemd-resolved, which answers nobody on its own machine.
 */
export async function publishes(host: string): Promise<boolean> {
  if (!isHostName(host)) return false;
  const own = Object.values(networkInterfaces())
    .flatMap((infos = []) => infos)
    .map(({ address }) => address);
  // From a port of our own the answer comes at once, and to us alone (RFC 6762, section 6.7). On port
  // 5353 one that was given a second ago is not given again.
  const links = await openLinks(lanInterfaces(), { from: 0, onFault: () => undefined });
  const answer = new Promise<boolean>((resolve) => {
    setTimeout(resolve, patience, false).unref();
    for (const link of links) {
      link.mdns.on('response', (packet, sender) => {
        const addresses = addressesOf(host, packet);
        if (addresses.length > 0) resolve([originOf(sender), ...addresses].every(isOwn));
      });
      void link.ask(['A', 'AAAA'].map((type) => ({ name: host, type })));
    }
  });
  const isOwn = (address: string): boolean => own.includes(address);
  const isPublished = links.length > 0 && (await answer);
  await Promise.all(links.map((link) => link.close()));
  return isPublished;
}

function addressesOf(host: string, { answers }: Packet): string[] {
  return answers.flatMap(({ name, type, data }) =>
    ['A', 'AAAA'].includes(type) &&
    name.toLowerCase() === host.toLowerCase() &&
    typeof data === 'string'
      ? [canonical(data)]
      : [],
  );
}

function originOf({ address }: Sender): string {
  return address.replace(/%.*/, '');
}
