/** The launcher on a machine in a bad state: it ends, whatever is missing. */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { splitWords } from '../../../src/gate/words.js';
import { exec } from '../../helpers/exec.js';
import type { ExecResult } from '../../helpers/exec.js';
import type { Receiver } from '../../helpers/receiver.js';
import { createReceiver } from '../../helpers/receiver.js';

let me: Receiver;

beforeAll(async () => {
  me = await createReceiver();
  await me.letIn('--name', 'bob');
});

afterAll(() => me.remove());

/** The forced command's words, as they are in authorized_keys. */
function forcedCommand(): string[] {
  const line = readFileSync(join(me.account.home, '.ssh/authorized_keys'), 'utf8');
  const [, quoted = ''] = /command="((?:\\"|[^"])*)"/.exec(line) ?? [];
  return splitWords(quoted.replaceAll('\\"', '"')).map(({ text }) => text);
}

/** Starts the launcher as sshd does, in a mount namespace that `before` has changed. */
function launch(before: string): Promise<ExecResult> {
  const { uid, gid, home } = me.account;
  const ids = ['--reuid', String(uid), '--regid', String(gid), '--clear-groups'];
  const command = 'rsync --server -vlogDtpre.iLsfxCIvu . .';
  const script = `${before}\nexec setpriv ${ids.join(' ')} env -i HOME="$0" PATH=/usr/bin:/bin \
    SSH_ORIGINAL_COMMAND='${command}' "$@"`;
  return exec(['unshare', '--mount', 'sh', '-c', script, home, ...forcedCommand()], { input: '' });
}

test('it ends where /dev/null can be neither read nor written', async () => {
  const hide =
    'file=$(mktemp) && chmod 0 "$file" && mount --bind "$file" /dev/null && rm -f "$file"';
  const { exitCode } = await launch(hide);
  expect(exitCode).toBeGreaterThan(0);
});

test.each(['dd', 'mkfifo', 'stat', 'touch', 'rmdir', 'mv', 'rm'])(
  'it ends without %s',
  async (tool) => {
    await launch(`path=$(readlink -f /usr/bin/${tool}) && mount --bind /bin/false "$path"`);
    const folder = join(me.account.home, '.local/state/pysync/running');
    expect((await exec(['pgrep', '-u', String(me.account.uid), '-f', folder])).stdout).toBe('');
  },
);

test('the control: otherwise rsync is started, and misses its client', async () => {
  const { stderr } = await launch(':');
  expect(stderr).toContain('rsync');
});
