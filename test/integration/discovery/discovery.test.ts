/** A receiver announces itself on one machine, and is found on another, over a cable of their own. */
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { exec, mustExec } from '../../helpers/exec.js';
import { createHosts } from '../../helpers/hosts.js';
import type { Host, Hosts } from '../../helpers/hosts.js';
import {
  isPublished,
  startAnnouncer,
  startAvahi,
  startListening,
  startSending,
} from '../../helpers/mdns.js';
import { questionPacket } from '../../helpers/mdns-packet.js';
import { found, waitUntilFound } from '../../helpers/found.js';
import { waitFor } from '../../helpers/tmp.js';

const anna = { port: 2222, user: 'anna', fingerprint: `SHA256:${'Anna'.repeat(10)}123` };
const bob = { port: 2022, user: 'bob', fingerprint: `SHA256:${'Bob+'.repeat(10)}123` };

let hosts: Hosts;
const running: { stop(): Promise<unknown> }[] = [];

/** Stopped after the test, if not by it. */
function stopLater<T extends { stop(): Promise<unknown> }>(one: T): T {
  running.push(one);
  return one;
}

beforeEach(async () => {
  hosts = await createHosts();
});

afterEach(async () => {
  await Promise.all(running.splice(0).map((each) => each.stop()));
  await hosts.remove();
});

/** Leaves the hosts with one family of addresses. */
const families: Readonly<Record<string, (host: Host) => Promise<unknown>>> = {
  IPv4: ({ netns }) =>
    mustExec(['sh', '-c', 'echo 1 > /proc/sys/net/ipv6/conf/all/disable_ipv6'], { netns }),
  IPv6: ({ netns }) => mustExec(['ip', '-netns', netns, '-4', 'address', 'flush', 'dev', 'eth0']),
};

describe.each(Object.entries(families))('with %s alone', (family, leave) => {
  it('a receiver is found with all about it, and says goodbye to everybody', async () => {
    await leave(hosts.receiver);
    await leave(hosts.sender);
    const announcer = stopLater(await startAnnouncer(hosts.receiver, anna));
    const receiver = await waitUntilFound(hosts.sender, 'anna on laptop');
    expect(receiver).toMatchObject(anna);
    expect(receiver.addresses).toEqual([
      family === 'IPv4' ? hosts.receiver.address : expect.stringMatching(/^fe80::[\da-f:]+%eth0$/),
    ]);
    expect(announcer.problems()).toEqual([]);
    const listener = stopLater(await startListening(hosts.sender));
    expect(await announcer.stop()).toBe('anna on laptop');
    await waitFor('the goodbye', () =>
      listener.output().includes('anna on laptop._pysync._tcp.local\n'),
    );
    expect(await found(hosts.sender)).toEqual([]);
  });
});

describe('the name of a receiver', () => {
  it('has a number where another one has it, also for a second on the same machine', async () => {
    stopLater(await startAnnouncer(hosts.sender, anna));
    await waitUntilFound(hosts.sender, 'anna on laptop');
    const second = stopLater(await startAnnouncer(hosts.receiver, { ...bob, user: 'anna' }));
    await waitUntilFound(hosts.sender, 'anna on laptop (2)');
    stopLater(await startAnnouncer(hosts.receiver, { ...anna, port: 2223 }));
    await waitUntilFound(hosts.sender, 'anna on laptop (3)');
    expect(await second.stop()).toBe('anna on laptop (2)');
    const left = await found(hosts.sender);
    expect(left.map(({ name, port }) => [name, port])).toEqual([
      ['anna on laptop', 2222],
      ['anna on laptop (3)', 2223],
    ]);
  });
});

describe('beside avahi', () => {
  it('a receiver is found, and the name avahi has for this machine or another stays', async () => {
    const own = stopLater(await startAvahi(hosts.receiver, 'laptop'));
    const others = stopLater(await startAvahi(hosts.sender, 'desk'));
    // The one is called as its machine, and the other as a machine that is not its own.
    stopLater(await startAnnouncer(hosts.receiver, anna, 'laptop'));
    stopLater(await startAnnouncer(hosts.receiver, bob, 'desk'));
    await waitUntilFound(hosts.sender, 'anna on laptop');
    await waitUntilFound(hosts.sender, 'bob on desk');
    expect(await isPublished(hosts.receiver, 'laptop.local')).toBe(true);
    expect(await isPublished(hosts.receiver, 'desk.local')).toBe(false);
    expect(await isPublished(hosts.sender, 'desk.local')).toBe(true);
    expect(await isPublished(hosts.sender, 'nobody.local')).toBe(false);
    expect([own.hostName(), others.hostName()]).toEqual(['laptop', 'desk']);
    expect(own.output() + others.output()).not.toContain('onflict');
  });

  it('a receiver that was there first stays, and avahi keeps its name', async () => {
    stopLater(await startAnnouncer(hosts.receiver, anna));
    await waitUntilFound(hosts.sender, 'anna on laptop');
    const avahi = stopLater(await startAvahi(hosts.receiver, 'laptop'));
    await waitUntilFound(hosts.sender, 'anna on laptop');
    expect(avahi.hostName()).toBe('laptop');
    expect(avahi.output()).not.toContain('onflict');
  });
});

describe('what goes wrong in the network', () => {
  it('is outlived: a receiver whose interface goes and comes back is found again', async () => {
    const announcer = stopLater(await startAnnouncer(hosts.receiver, anna));
    await waitUntilFound(hosts.sender, 'anna on laptop');
    const { netns, address } = hosts.receiver;
    const ip = ['ip', '-netns', netns];
    await mustExec([...ip, 'link', 'delete', 'eth0']);
    expect(await found(hosts.sender, 'NO_NETWORK')).toEqual([]);
    const peer = ['type', 'veth', 'peer', 'name', 'eth0', 'netns', hosts.sender.netns];
    await mustExec([...ip, 'link', 'add', 'eth0', ...peer]);
    for (const [name, own] of [
      [netns, address],
      [hosts.sender.netns, hosts.sender.address],
    ] as const) {
      await mustExec(['ip', '-netns', name, 'address', 'add', `${own}/24`, 'dev', 'eth0']);
      await mustExec(['ip', '-netns', name, 'link', 'set', 'eth0', 'up']);
    }
    await waitUntilFound(hosts.sender, 'anna on laptop');
    expect(announcer.problems().length).toBeLessThanOrEqual(1);
    await announcer.stop();
    expect(await found(hosts.sender)).toEqual([]);
  });

  it('is reported once where the port cannot be used, and pysync find says so', async () => {
    const script = `for (const type of ['udp4', 'udp6']) {
      require('node:dgram').createSocket({ type, ipv6Only: type === 'udp6' }).bind(5353);
    }
    setTimeout(() => undefined, 60000);`;
    const controller = new AbortController();
    const { netns } = hosts.receiver;
    const holder = exec(['node', '-e', script], { netns, signal: controller.signal });
    await waitFor('the port to be taken', async () => {
      const { stdout } = await hosts.receiver.exec(['ss', '-lun', 'sport', '=', ':5353']);
      return stdout.trim().split('\n').length === 3;
    });
    const announcer = stopLater(await startAnnouncer(hosts.receiver, anna));
    await waitFor('the problem to be reported', () => announcer.problems().length > 0);
    expect(await found(hosts.receiver, 'NO_MDNS')).toEqual([]);
    expect(announcer.problems()).toEqual([
      'pysync find does not show this machine, since UDP port 5353 cannot be used (EADDRINUSE); a program that shares it with nobody may have it',
    ]);
    controller.abort();
    await holder;
  });

  it('a flood of questions is not answered by a flood', async () => {
    stopLater(await startAnnouncer(hosts.receiver, anna));
    await waitUntilFound(hosts.sender, 'anna on laptop');
    const sent = async (): Promise<number> => {
      const path = '/sys/class/net/eth0/statistics/tx_packets';
      const { stdout } = await hosts.receiver.exec([
        ...['unshare', '--mount', 'sh', '-c', `mount -t sysfs none /sys && cat ${path}`],
      ]);
      return Number(stdout);
    };
    const before = await sent();
    const flood = stopLater(await startSending(hosts.sender, [questionPacket(5000)]));
    await waitUntilFound(hosts.sender, 'anna on laptop');
    await flood.stop();
    // At most 20 a second and link, and it took some seconds; unlimited it is thousands.
    expect((await sent()) - before).toBeLessThan(1000);
  });
});
