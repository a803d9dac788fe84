/** Is there an ssh server, and do peers on the network reach it? */
import { homedir } from 'node:os';
import { dirname } from 'node:path';
import { quoteAll } from '../../gate/quote.js';
import { lanAddresses } from '../../system/network.js';
import { runningServe } from '../../server/running.js';
import { bannerAt, findSshServer } from '../../sshd/server.js';
import { sshdConfigPath } from '../../sshd/config.js';
import { lookForTool } from '../../system/tools.js';
import type { Check, Finding } from '../check.js';
import { ok, problem, warning } from '../finding.js';

export const sshServer: Check = {
  name: 'ssh server',
  run: async () => {
    const { port, listens } = await findSshServer(homedir());
    const addresses = lanAddresses().map(({ address }) => address);
    const banners = await Promise.all(addresses.map((address) => bannerAt(port, address)));
    const reached = addresses.filter((_, i) => banners[i] !== undefined);
    const missed = addresses.filter((_, i) => banners[i] === undefined);
    if (!listens && reached.length === 0) {
      const own = runningServe();
      if (own === undefined) return [notRunning(port)];
      return [ok(`the system’s does not run; pysync serve does, on port ${own.port}`)];
    }
    if (addresses.length === 0) {
      return [problem('this machine is in no network now, so no peer can reach it')];
    }
    if (reached.length === 0) return [onlyLocal(port, missed)];
    const [banner = ''] = banners.filter((each) => each !== undefined);
    const found = [ok(`${banner} answers on ${reached.join(', ')}, port ${port}`)];
    if (missed.length > 0) found.push(partly(port, missed));
    return [...found, ...otherServer(banner)];
  },
};

const ownServer = 'to receive without one, until Ctrl-C: pysync serve';

function notRunning(port: number): Finding {
  if (process.platform === 'darwin') {
    return problem(`no ssh server answers on this machine (port ${port})`, [
      'System Settings > General > Sharing > Remote Login: on',
    ]);
  }
  if (lookForTool('sshd') === undefined) {
    return problem('no ssh server is installed', [
      ownServer,
      'sudo apt-get install openssh-server',
    ]);
  }
  return problem(`no ssh server answers on this machine (port ${port})`, [
    ownServer,
    'sudo systemctl enable --now ssh',
    '(outside of Debian and Ubuntu the service is called sshd)',
  ]);
}

function onlyLocal(port: number, addresses: readonly string[]): Finding {
  const where = addresses.join(', ');
  return problem(
    `the ssh server answers on this machine alone, and not on ${where} (port ${port})`,
    [
      'look for ListenAddress in the configuration of sshd, and take it out:',
      quoteAll(['grep', '-ri', 'listenaddress', dirname(sshdConfigPath())]),
    ],
  );
}

function partly(port: number, addresses: readonly string[]): Finding {
  return warning(`nothing answers on ${addresses.join(', ')}, port ${port}`, [
    'peers have to use another address of this machine; pysync shows them all',
  ]);
}

function otherServer(banner: string): Finding[] {
  if (banner.includes('OpenSSH')) return [];
  return [
    warning(`the ssh server is none of OpenSSH's: ${banner}`, [
      'try whether it respects what pysync writes into authorized_keys: restrict, command=, from=',
    ]),
  ];
}
