/** An ssh server made of the patched ssh2 alone, without anything of pysync, to try the patches on. */
import type { AddressInfo } from 'node:net';
import type { Connection, KexAlgorithm, PublicKeyAuthContext, ServerChannel } from 'ssh2';
import ssh2 from 'ssh2';

export interface BareServer {
  readonly port: number;
  /** The connections so far. */
  readonly connections: Connection[];
  /** The channels of all commands so far; nobody reads them. */
  readonly channels: ServerChannel[];
  /** The hash algorithms of the signatures that clients logged in with. */
  readonly hashes: (string | undefined)[];
  /** What went wrong in any connection. */
  readonly errors: string[];
  readonly close: () => void;
}

/**
 * Lets everybody in. A command that begins with `greet` is answered with `hello`, all others are left alone.
 * `onConnection` is called before a connection's first byte is read.
 */
export async function startBareServer(
  methods: readonly string[],
  onConnection: (connection: Connection) => void = () => undefined,
): Promise<BareServer> {
  const connections: Connection[] = [];
  const channels: ServerChannel[] = [];
  const hashes: (string | undefined)[] = [];
  const errors: string[] = [];
  const server = new ssh2.Server({
    hostKeys: [ssh2.utils.generateKeyPairSync('ed25519').private],
    // The types know nothing of the method that a patch adds.
    algorithms: { kex: methods as KexAlgorithm[] },
  });
  server.on('connection', (connection) => {
    connections.push(connection);
    onConnection(connection);
    connection.on('error', (error) => errors.push(error.message));
    connection.on('authentication', (context) => {
      const { hashAlgo, signature } = context as PublicKeyAuthContext;
      if (context.method === 'none' && context.username === 'key') context.reject(['publickey']);
      else context.accept();
      if (signature !== undefined) hashes.push(hashAlgo);
    });
    connection.on('session', (acceptSession) => {
      acceptSession().on('exec', (acceptCommand, _reject, { command }) => {
        const channel = acceptCommand();
        channels.push(channel);
        if (!command.startsWith('greet')) return;
        channel.write('hello');
        channel.exit(0);
        channel.end();
      });
    });
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  return {
    port: (server.address() as AddressInfo).port,
    connections,
    channels,
    hashes,
    errors,
    close: () => {
      server.close();
      for (const connection of connections) connection.end();
    },
  };
}
