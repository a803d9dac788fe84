/** Others on the network of a test: a receiver that announces itself, a liar, and avahi. */
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { execa } from 'execa';
import { inject } from 'vitest';
import type { announce } from '../../src/discovery/announce.js';
import type { publishes } from '../../src/discovery/published.js';
import { systemPath, wrap } from './exec.js';
import type { Host } from './hosts.js';
import { createTemporaryFolder, waitFor } from './tmp.js';

interface Running {
  /** All it has printed so far. */
  output(): string;
  /** Ends it politely, and waits for that. */
  stop(): Promise<void>;
}

/** A program on a host whose machine is called `machine`, in place of this one's name. */
function start(
  host: Host,
  argv: readonly string[],
  { machine = 'laptop', prepare = ':' } = {},
): Running {
  const script = `hostname ${machine} && ${prepare} && exec "$@"`;
  const enter = ['unshare', '--uts', '--mount', '--propagation', 'private'];
  const words = [...enter, 'sh', '-c', script, 'sh', ...argv];
  const [file = '', ...rest] = wrap(words, { netns: host.netns });
  const child = execa(file, rest, {
    env: { PATH: systemPath, LC_ALL: 'C.UTF-8' },
    extendEnv: false,
    reject: false,
    all: true,
    stdin: 'ignore',
    cleanup: true,
  });
  let text = '';
  child.all.setEncoding('utf8').on('data', (chunk: string) => (text += chunk));
  return {
    output: () => text,
    stop: async () => {
      child.kill('SIGTERM');
      await child;
    },
  };
}

const announcer = String.raw`
const { announce } = require(process.argv[1]);
const onProblem = (sentence) => console.log('problem: ' + sentence);
const announced = announce({ ...JSON.parse(process.argv[2]), onProblem });
process.on('SIGTERM', async () => {
  console.log('name: ' + announced.name);
  await announced.stop();
  // Nothing of it may keep the process.
  process.removeAllListeners('SIGTERM');
});
console.log('started');`;

export interface Announcer {
  /** What it has reported so far. */
  problems(): string[];
  /** Has it say goodbye, and gives the name it had. */
  stop(): Promise<string>;
}

type Announces = Omit<Parameters<typeof announce>[0], 'onProblem'>;

export async function startAnnouncer(
  host: Host,
  announcement: Announces,
  machine?: string,
): Promise<Announcer> {
  const file = join(inject('program'), 'dist/discovery/announce.js');
  const argv = [inject('node'), '-e', announcer, file, JSON.stringify(announcement)];
  const running = start(host, argv, machine === undefined ? {} : { machine });
  const lines = (kind: string): string[] =>
    running
      .output()
      .split('\n')
      .flatMap((line) => (line.startsWith(kind) ? [line.slice(kind.length)] : []));
  await waitFor('the announcer', () => lines('started').length > 0);
  return {
    problems: () => lines('problem: '),
    stop: async () => {
      await running.stop();
      return lines('name: ')[0] ?? running.output();
    },
  };
}

/** Whether something on the host publishes `name`, as pysync sees it there. */
export async function isPublished(
  host: Host,
  name: Parameters<typeof publishes>[0],
): Promise<boolean> {
  const script = 'require(process.argv[1]).publishes(process.argv[2]).then(console.log)';
  const file = join(inject('program'), 'dist/discovery/published.js');
  const { stdout } = await host.exec([inject('node'), '-e', script, file, name]);
  return stdout === 'true\n';
}

const listening = String.raw`
const [links, receiver, network] = process.argv.slice(1).map(require);
const { openLinks } = links;
openLinks(network.lanInterfaces(), { onFault: console.log }).then(async (all) => {
  for (const { mdns } of all) {
    mdns.on('response', (packet) => receiver.goodbyesIn(packet).forEach((name) => console.log(name)));
  }
  await Promise.all(all.map((link) => link.ask([])));
  console.log('listening');
});`;

/** Listens on a host for goodbyes: the output has the full name of each service that is over. */
export async function startListening(host: Host): Promise<Running> {
  const modules = ['discovery/link', 'discovery/receiver', 'system/network'];
  const files = modules.map((name) => join(inject('program'), `dist/${name}.js`));
  const running = start(host, [inject('node'), '-e', listening, ...files]);
  await waitFor('it to listen', () => running.output().includes('listening'));
  return running;
}

const sending = String.raw`
const socket = require('node:dgram').createSocket({ type: 'udp4', reuseAddr: true });
const packets = require('node:fs').readFileSync(process.argv[1], 'utf8').split('\n');
let next = 0;
const send = () => {
  for (let i = 0; i < 20; i++) {
    const packet = Buffer.from(packets[next], 'base64');
    socket.send(packet, 5353, '224.0.0.251', () => undefined);
    next = (next + 1) % packets.length;
    if (next === 0) console.log('all sent');
  }
  setTimeout(send, 1);
};
socket.bind(5353, () => {
  socket.setMulticastInterface(process.argv[2]);
  send();
});`;

/** Sends `packets` to everybody on the network from a host's address, over and over, as fast as it can. */
export async function startSending(
  host: Host,
  packets: readonly Buffer[],
  address = host.address,
): Promise<Running> {
  const file = join(createTemporaryFolder().path, 'packets');
  writeFileSync(file, packets.map((packet) => packet.toString('base64')).join('\n'));
  const running = start(host, [inject('node'), '-e', sending, file, address]);
  await waitFor('the packets to be sent once', () => running.output().includes('all sent'), 60_000);
  return running;
}

/** avahi as the machine's own, without D-Bus; `hostName()` is what it calls itself by now. */
export async function startAvahi(
  host: Host,
  name: string,
): Promise<Running & { hostName(): string | undefined }> {
  const config = join(createTemporaryFolder().path, 'avahi.conf');
  writeFileSync(config, `[server]\nhost-name=${name}\nenable-dbus=no\n[publish]\n`);
  const argv = ['avahi-daemon', '--no-drop-root', '--no-chroot', '--file', config];
  // Its pid file is one for all, and so a folder of its own is mounted there.
  const running = start(host, argv, { machine: name, prepare: 'mount -t tmpfs none /run' });
  const hostName = (): string | undefined =>
    [...running.output().matchAll(/Host name is (\S+)\.local\./g)].at(-1)?.[1];
  await waitFor('avahi to have its name', () => hostName() !== undefined, 30_000);
  return { ...running, hostName };
}
