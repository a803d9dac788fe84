/** The doctor's look at GitHub, run as the account whose keys it looks at. */
import { join } from 'node:path';
import { beforeEach, describe, expect, inject, it } from 'vitest';
import type { Finding } from '../../../src/doctor/check.js';
import { mustExec } from '../../helpers/exec.js';
import { account, limitReached, serve } from '../../helpers/github.js';
import type { Answer } from '../../helpers/github.js';
import { parseJson, useHome } from '../../helpers/home.js';
import { ed25519Line } from '../../helpers/key-blob.js';

const home = useHome();
const [first = '', second = '', third = ''] = [1, 2, 3].map(() => ed25519Line('').trim());

let answer: Answer;
let env: Record<string, string>;

beforeEach(async () => {
  const { url } = await serve((request, response) => {
    answer(request, response);
  });
  env = { GITHUB_API_URL: url };
  answer = account('octocat', [first, second]);
  expect(await home.pysync(['-i', 'octocat'], { env })).toMatchObject({ exitCode: 0 });
});

async function findings(): Promise<Finding[]> {
  const module = join(inject('program'), 'dist/doctor/checks/github-keys.js');
  const script = `require(${JSON.stringify(module)}).githubKeys.run()
    .then((found) => console.log(JSON.stringify(found)))`;
  const result = await home.account.run([inject('node'), '-e', script], { env });
  expect(result.stderr).toBe('');
  return parseJson(result) as Finding[];
}

describe('the doctor’s check of keys from GitHub', () => {
  it('is content where all are listed, and reports more', async () => {
    expect(await findings()).toEqual([
      { verdict: 'ok', text: 'gh:octocat still lists its 2 keys' },
    ]);
    answer = account('octocat', [first, second, third]);
    expect(await findings()).toEqual([
      {
        verdict: 'ok',
        text: 'gh:octocat still lists its 2 keys, and 1 more',
        hints: ['pysync refresh gh:octocat'],
      },
    ]);
  });

  it('warns of keys that are not listed any more, until they are revoked', async () => {
    answer = account('octocat', [second]);
    expect(await findings()).toEqual([
      {
        verdict: 'warning',
        text: 'gh:octocat no longer lists 1 of its 2 keys',
        hints: ['pysync refresh gh:octocat'],
      },
    ]);
    await home.pysync(['refresh', 'gh:octocat', '--yes'], { env });
    expect(await findings()).toEqual([{ verdict: 'ok', text: 'gh:octocat still lists its key' }]);
  });

  it.each<[string, Answer, RegExp]>([
    ['belongs to another account', account('octocat', [first], 9), /another GitHub account now/],
    ['does not exist any more', account('other', []), /no GitHub user 'octocat'/],
  ])('warns where the name %s', async (_what, changed, text) => {
    answer = changed;
    expect(await findings()).toMatchObject([
      {
        verdict: 'warning',
        text: expect.stringMatching(text) as unknown,
        hints: ['pysync refresh gh:octocat'],
      },
    ]);
  });

  it('finds nothing wrong where GitHub does not say, and does not wait long', async () => {
    answer = limitReached;
    const notAsked = expect.stringMatching(/^gh:octocat could not be asked: /) as unknown;
    expect(await findings()).toEqual([{ verdict: 'ok', text: notAsked }]);
    answer = () => undefined;
    const started = performance.now();
    expect(await findings()).toEqual([{ verdict: 'ok', text: notAsked }]);
    expect(performance.now() - started).toBeLessThan(12_000);
  });

  it('says so where no key came from GitHub', async () => {
    await mustExec(['rm', home.path('.ssh/authorized_keys')]);
    expect(await findings()).toEqual([{ verdict: 'ok', text: 'no key came from GitHub' }]);
  });
});
