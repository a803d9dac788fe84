/** `pysync keys`: who may do what, at a glance. */
import { describe, expect, it } from 'vitest';
import { parseJson, useHome } from '../../helpers/home.js';
import { ed25519Line } from '../../helpers/key-blob.js';

const home = useHome();

describe('pysync keys', () => {
  it('says so where nothing is imported, and touches nothing', async () => {
    const before = await home.snapshot();
    const { stdout, stderr, exitCode } = await home.pysync(['keys']);
    expect({ stderr, exitCode }).toEqual({ stderr: '', exitCode: 0 });
    expect(stdout).toMatch(/^no keys are imported; to let somebody send you files: pysync -i </);
    expect(parseJson(await home.pysync(['keys', '--json']))).toEqual({ keys: [], broken: [] });
    expect(await home.snapshot()).toBe(before);
  });

  it('lists each key with all it may do, in even columns', async () => {
    await home.pysync(['-i', ed25519Line(), '--name', 'bob']);
    home.write('carol.pub', ed25519Line('Carol'));
    await home.pysync([
      ...['-i', 'carol.pub', '--dir', 'from carol', '--access', 'read-write', '--allow-delete'],
      ...['--from', '10.0.0.0/8', '--expires', '2099-12-31'],
    ]);
    const { stdout, stderr } = await home.pysync(['keys']);
    expect(stderr).toBe('');
    const [head = '', bob = '', carol = '', ...rest] = stdout.split('\n');
    expect(rest).toEqual(['']);
    for (const line of [head, bob, carol]) {
      expect(line.indexOf(line.split(/ {2,}/)[4] ?? '')).toBe(head.indexOf('ACCESS'));
    }
    const today = new Date().toISOString().slice(0, 10);
    expect(bob.split(/ {2,}/)).toEqual([
      'bob',
      expect.stringMatching(/^SHA256:\S{43}$/),
      ...['argument', home.path('public')],
      ...['read-write', 'anywhere', 'never', today],
    ]);
    expect(carol.split(/ {2,}/)).toEqual([
      'carol',
      expect.stringMatching(/^SHA256:\S{43}$/),
      ...['file:carol.pub', home.path('from carol')],
      ...['read-write, may delete', '10.0.0.0/8', '2099-12-31 23:59', today],
    ]);
  });

  it('gives the same with --json', async () => {
    await home.pysync([
      ...['-i', ed25519Line('bob@laptop'), '--name', 'bob', '--from', '10.0.0.0/8'],
      ...['--expires', '2099-12-31'],
    ]);
    expect(parseJson(await home.pysync(['keys', '--json']))).toEqual({
      keys: [
        {
          name: 'bob',
          fingerprint: expect.stringMatching(/^SHA256:\S{43}$/) as unknown,
          type: 'ssh-ed25519',
          comment: 'bob@laptop',
          source: 'argument',
          account: null,
          share: home.path('public'),
          access: 'read-write',
          allowDelete: false,
          from: ['10.0.0.0/8'],
          expires: expect.stringMatching(/^(?:2099-12-31|2100-01-01)T.*Z$/) as unknown,
          imported: expect.stringMatching(/^20\d\d-\d\d-\d\dT\d\d:\d\d:\d\dZ$/) as unknown,
        },
      ],
      broken: [],
    });
  });

  it('lists only what pysync imported, and reports a line that was damaged', async () => {
    await home.pysync(['-i', ed25519Line(), '--name', 'bob']);
    const [line = ''] = home.keyLines();
    const damaged = line.replace('restrict,', 'restrict,pty,');
    home.write('.ssh/authorized_keys', `${ed25519Line('mine')}\n${damaged}\n`, 0o600);
    const { stdout, stderr } = await home.pysync(['keys']);
    expect(stdout).toContain('no keys are imported');
    expect(stderr).toBe(
      `pysync: line 2 of ${home.path('.ssh/authorized_keys')}: ` +
        'it has an option that pysync does not write\n',
    );
  });

  it('marks a key that has expired', async () => {
    await home.pysync(['-i', ed25519Line(), '--name', 'bob', '--expires', '2099-12-31']);
    const [line = ''] = home.keyLines();
    home.write('.ssh/authorized_keys', `${line.replace('20991231', '20201231')}\n`, 0o600);
    const listed = await home.pysync(['keys']);
    expect(listed.stdout).toContain('expired 2020-12-31 23:59');
    expect(listed.stderr).toContain('to take them all out: pysync revoke --expired\n');
    expect((await home.pysync([])).stdout).toContain('until 2020-12-31 23:59 (expired)');
  });
});
