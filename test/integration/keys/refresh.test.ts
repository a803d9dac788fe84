/** Lists of keys at https addresses, asked again; test/integration/commands/refresh.test.ts has GitHub. */
import type { RequestListener } from 'node:http';
import { beforeAll, expect, it } from 'vitest';
import type { ExecResult } from '../../helpers/exec.js';
import { serveHttps } from '../../helpers/https.js';
import { parseJson, useHome } from '../../helpers/home.js';
import { ed25519Line } from '../../helpers/key-blob.js';

const home = useHome();
let base = '';
let answer: RequestListener;

beforeAll(async () => {
  base = await serveHttps((request, response) => {
    answer(request, response);
  });
});

// The server's certificate is trusted by these commands alone.
const pysync = (...args: readonly string[]): Promise<ExecResult> =>
  home.pysync(args, { env: { NODE_TLS_REJECT_UNAUTHORIZED: '0' } });

const list =
  (...lines: readonly string[]): RequestListener =>
  (_request, response) => {
    response.end(`${lines.join('\n')}\n`);
  };

const names = (): string[] =>
  home.keyLines().flatMap((line) => / --peer (\S+)/.exec(line)?.slice(1) ?? []);

async function importList(lines: readonly string[], place = '/team'): Promise<void> {
  answer = list(...lines);
  expect(await pysync('-i', `${base}${place}`)).toMatchObject({ exitCode: 0 });
}

it('an address is asked again, and new keys get their names as at the import', async () => {
  const [anna, bob, carol] = ['anna', 'bob', 'carol'].map((name) => ed25519Line(name));
  await importList([anna ?? '', bob ?? '']);
  expect(names()).toEqual(['anna', 'bob']);
  answer = list('# the team', bob ?? '', carol ?? '');
  expect(await pysync('refresh', `${base}/team`, '--yes')).toMatchObject({ exitCode: 0 });
  expect(names()).toEqual(['bob', 'carol']);
});

it.each<[string, RequestListener]>([
  ['is gone', (_, response) => response.writeHead(404).end()],
  ['is empty', (_, response) => response.end()],
  ['has a blank line only', (_, response) => response.end('\r\n')],
  ['has comments only', (_, response) => response.end('\ufeff# nobody any more\n\n  # at all\n')],
])('the keys of a list that %s are revoked, once the owner says so', async (_what, changed) => {
  await importList([ed25519Line('anna')]);
  answer = changed;
  expect((await pysync('refresh')).stdout).toContain('gone, would be revoked');
  expect(names()).toEqual(['anna']);
  expect(await pysync('refresh', '--yes')).toMatchObject({ exitCode: 0 });
  expect(names()).toEqual([]);
});

it.each<[string, RequestListener]>([
  ['fails', (_, response) => response.writeHead(503).end('sorry')],
  ['asks for a login', (_, response) => response.writeHead(401).end()],
  ['is a page', (_, response) => response.end('<html>')],
  ['is not a list', (_, response) => response.end('Down for maintenance, back soon.\n')],
  [
    'has comments but is not a list',
    (_, response) => response.end('# soon\nDown for maintenance\n'),
  ],
  [
    'leads to a list of GitHub’s',
    (_, response) => response.writeHead(302, { location: 'https://github.com/anna.keys' }).end(),
  ],
  ['ends too early', (_, response) => response.writeHead(200, { 'content-length': 99 }).end('ssh')],
  ['leads to http', (_, response) => response.writeHead(302, { location: 'http://x/' }).end()],
])('nothing is revoked where the answer %s', async (_what, failing) => {
  await importList([ed25519Line('anna')]);
  answer = failing;
  const { stderr, exitCode } = await pysync('refresh', '--yes');
  expect(exitCode).toBe(1);
  expect(stderr).toContain(`pysync: the keys from ${base}/team stay as they are\n`);
  expect(names()).toEqual(['anna']);
});

it.each(['', '\n', '# later\n', '\ufeff\r\n# later'])(
  'a list without a key is refused at the import in one way: %j',
  async (text) => {
    answer = (_request, response) => response.end(text);
    const { stderr, exitCode } = await pysync('-i', `${base}/team`);
    expect(exitCode).toBe(1);
    expect(stderr).toContain(`pysync: ${base}/team lists no key\n  its owner may`);
  },
);

it('an address that leads to a list of GitHub’s is not read, as the account would not be asked', async () => {
  answer = (_request, response) =>
    response.writeHead(302, { location: 'https://www.github.com/Anna.keys?x' }).end();
  const { stderr, exitCode } = await pysync('-i', `${base}/team`);
  expect({ stderr, exitCode }).toMatchObject({
    stderr: expect.stringContaining('pysync -i gh:Anna') as string,
    exitCode: 1,
  });
});

it('an address that had a query is not asked without it', async () => {
  await importList([ed25519Line('anna')], '/team?token=secret');
  answer = (_request, response) => response.writeHead(404).end();
  const result = await pysync('refresh', '--yes', '--json');
  expect(parseJson(result)).toMatchObject({ applied: false, sources: [] });
  expect(result.stderr).toContain(
    `${base}/team? is not asked again: its address was not kept in full`,
  );
  expect(names()).toEqual(['anna']);
});
