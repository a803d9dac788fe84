/**
 * The sandbox of the engine. SECURITY: what speaks to the network can see nothing of the owner's, has no
 * network but the listening socket that it is given, and asks the host for everything
 * (test/attacks/serve-box.test.ts).
 */
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { PysyncError } from '../errors.js';
import { launcherSettings } from '../launcher/install.js';
import { librariesOf } from '../sandbox/rsync-facts.js';
import { lookForTool } from '../system/tools.js';
import { messageDescriptor } from './messages.js';

/** Packages that the engine loads, all of them bundled with pysync. */
const packages = ['ssh2', 'asn1', 'bcrypt-pbkdf', 'safer-buffer', 'tweetnacl', '@noble'] as const;

/**
 * Megabytes of JavaScript objects; what passes through is not among them. Of its garbage Node lets three
 * times 16 MB gather without the second; threads that collect it together took a tenth more of the
 * processor, and longer.
 */
const nodeOptions = [
  '--max-old-space-size=96',
  '--max-semi-space-size=4',
  '--single-threaded-gc',
] as const;

/**
 * The command that starts `program` (a path in dist/server) with only `folder`, which holds the sockets
 * of commands, besides what it runs on. Throws PysyncError `CONFINEMENT_MISSING`.
 */
export function boxed(program: string, folder: string): string[] {
  const bwrap = process.platform === 'linux' ? lookForTool('bwrap') : undefined;
  if (bwrap === undefined) {
    throw new PysyncError(
      'CONFINEMENT_MISSING',
      'pysync serve runs what speaks to the network in bubblewrap, which is not here',
      { hints: fixes() },
    );
  }
  const own = join(__dirname, '..');
  const modules = join(own, '../node_modules');
  const visible = [
    process.execPath,
    ...librariesOf([process.execPath]),
    join(own, 'server'),
    ...packages.map((name) => join(modules, name)).filter((path) => existsSync(path)),
    folder,
  ];
  return [
    bwrap,
    ...['--unshare-all', '--unshare-user', '--die-with-parent', '--new-session', '--clearenv'],
    ...(launcherSettings()?.disablesUserns === true ? ['--disable-userns'] : []),
    ...['--cap-drop', 'ALL', '--hostname', 'pysync', '--chdir', '/'],
    ...['--setenv', 'NODE_CHANNEL_FD', String(messageDescriptor)],
    ...visible.flatMap((path) => ['--ro-bind', path, path]),
    ...['--dev-bind', '/dev/null', '/dev/null', '--dev-bind', '/dev/urandom', '/dev/urandom'],
    ...['--proc', '/proc', '--remount-ro', '/', '--'],
    ...[process.execPath, ...nodeOptions, join(own, 'server', program)],
  ];
}

function fixes(): string[] {
  if (process.platform !== 'linux') {
    return ['there is none for this system yet; use its own ssh server, as pysync status shows'];
  }
  return ['to fix it: sudo apt-get install bubblewrap'];
}
