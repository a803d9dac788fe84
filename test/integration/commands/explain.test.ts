/** `pysync explain`: the gate's decision on a command, without a key, a server or a client. */
import { describe, expect, it } from 'vitest';
import { parseJson, useHome } from '../../helpers/home.js';

const home = useHome();
const push = 'rsync --server -vlogDtpre.iLsfxCIvu . docs/';
const pull = 'rsync --server --sender -vlogDtpre.iLsfxCIvu . *.txt';

describe('pysync explain', () => {
  it('shows what would be run for a push and for a pull, and runs nothing', async () => {
    const before = await home.snapshot();
    const { stdout, stderr, exitCode } = await home.pysync(['explain', push]);
    expect({ stderr, exitCode }).toEqual({ stderr: '', exitCode: 0 });
    expect(stdout).toMatch(
      /^allowed: it sends into \/.*\/public, to docs\/\n {2}runs: rsync --server -\S+ .*-- \. .*\n/,
    );
    const fetched = await home.pysync(['explain', pull, '--dir', 'x', '--access', 'read-only']);
    expect(fetched.stdout).toContain(`allowed: it fetches from ${home.path('x')}: *.txt\n`);
    expect(await home.snapshot()).toBe(before);
  });

  it('says why a command would be refused', async () => {
    const refused = async (...args: string[]): Promise<string> => {
      const { stdout, exitCode } = await home.pysync(['explain', ...args]);
      expect(exitCode).toBe(0);
      return stdout;
    };
    expect(await refused('rsync --server . ../x')).toBe(
      "refused: '../x' leads out of the share\n  paths count from the top of the share\n",
    );
    expect(await refused(push, '--access', 'read-only')).toContain(
      'may fetch files, not send them',
    );
    expect(await refused(pull, '--access', 'write-only')).toContain('not fetch or list them');
    const deleting = push.replace('--server', '--server --delete');
    expect(await refused(deleting)).toContain('this key may not delete in the share');
    expect(await refused(deleting, '--allow-delete')).toContain('allowed: ');
    expect(await refused('bash -i')).toMatch(/^refused: it is not for `rsync --server`/);
  });

  it('prints the same as JSON', async () => {
    const allowed = await home.pysync(['explain', '--json', push]);
    expect(parseJson(allowed)).toMatchObject({
      allowed: true,
      direction: 'push',
      hints: [],
      command: expect.arrayContaining(['rsync', '--server', '--', '.']) as unknown,
    });
    expect(parseJson(await home.pysync(['explain', 'id', '--json']))).toEqual({
      allowed: false,
      reason: expect.stringContaining('rsync --server') as unknown,
      hints: [],
    });
  });

  it('says what is meant where it is given what the sender types', async () => {
    const { stdout } = await home.pysync(['explain', 'rsync -av movie.mkv me@192.0.2.7:']);
    expect(stdout).toContain("behind 'Sending command:' it shows with: rsync -e 'ssh -v'");
    const unquoted = await home.pysync(['explain', 'rsync', '--server', '.', 'x']);
    expect(unquoted.exitCode).toBe(2);
    expect(unquoted.stderr).toContain("pysync explain 'rsync --server …'");
  });
});
