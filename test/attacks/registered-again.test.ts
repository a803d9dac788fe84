/**
 * The attacker has registered the GitHub name of somebody whose keys were imported and who has given
 * it up. They list their own key there, and the old ones beside it, which anybody can list: GitHub
 * asks for no proof. They wait for the owner to run `pysync refresh --yes`, or to import the name
 * again, also at a time at which GitHub's limit keeps pysync from asking whose the name is.
 *
 * They must not get in. The control is a new key of the account that was imported.
 */
import { randomBytes } from 'node:crypto';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import type { ExecResult } from '../helpers/exec.js';
import { account, limitReached, serve } from '../helpers/github.js';
import type { Answer } from '../helpers/github.js';
import { createPeer } from '../helpers/peer.js';
import type { Peer } from '../helpers/peer.js';
import { createReceiver, variants } from '../helpers/receiver.js';
import type { Receiver } from '../helpers/receiver.js';

let receiver: Receiver;
let friend: Peer;
let friendsOther: Peer;
let attacker: Peer;

beforeAll(async () => {
  receiver = await createReceiver();
  const peers = [1, 2, 3].map(() => createPeer(receiver));
  [friend, friendsOther, attacker] = (await Promise.all(peers)) as [Peer, Peer, Peer];
});

afterAll(async () => {
  for (const peer of [friend, friendsOther, attacker]) peer.remove();
  await receiver.remove();
});

let answer: Answer;
let url = '';

beforeEach(async () => {
  url = (
    await serve((request, response) => {
      answer(request, response);
    })
  ).url;
  await receiver.account.run(['rm', '-f', '.ssh/authorized_keys']);
  answer = account('friend', [friend.publicKey], 1001);
  expect(await pysync('-i', 'gh:friend')).toMatchObject({ exitCode: 0 });
});

const pysync = (...args: readonly string[]): Promise<ExecResult> =>
  receiver.account.pysync(args, { env: { GITHUB_API_URL: url } });

/** Has `peer` send a file: whether it arrived, or else what its rsync said. */
async function send(peer: Peer): Promise<string> {
  const name = `from-${randomBytes(6).toString('hex')}`;
  writeFileSync(join(peer.folder, name), 'x');
  const { stderr } = await peer.rsync([name, `${peer.target}:`]);
  return receiver.listShare().includes(name) ? 'arrived' : stderr;
}

const refused = expect.stringContaining('Permission denied (publickey)') as unknown;

/** The name, registered again by the attacker. */
const taken = (): Answer => account('friend', [friend.publicKey, attacker.publicKey], 2002);

describe('a GitHub name that was registered again', () => {
  it('lets nobody in by a refresh, which revokes the old keys', async () => {
    expect(await send(friend)).toBe('arrived');
    answer = taken();
    await pysync('refresh', '--yes');
    expect(await send(attacker)).toEqual(refused);
    expect(await send(friend)).toEqual(refused);
  });

  it('lets nobody in by being imported again', async () => {
    answer = taken();
    await pysync('-i', 'gh:friend');
    await pysync('-i', 'friend', '--name', 'somebody');
    expect(await send(attacker)).toEqual(refused);
  });

  it('lets nobody in while GitHub does not say whose it is', async () => {
    answer = (request, response) => {
      if (request.url?.endsWith('.keys') !== true) limitReached(request, response);
      else response.end(`${friend.publicKey}\n${attacker.publicKey}\n`);
    };
    await pysync('refresh', '--yes');
    await pysync('-i', 'gh:friend');
    expect(await send(attacker)).toEqual(refused);
    expect(await send(friend)).toBe('arrived');
  });

  it('lets nobody in by keys of an import that did not know the account', async () => {
    await receiver.account.run(['sed', '-i', 's/ --account 1001//', '.ssh/authorized_keys']);
    expect(await send(friend)).toBe('arrived');
    answer = taken();
    await pysync('refresh', '--yes');
    expect(await send(attacker)).toEqual(refused);
  });

  it('is not what a new key of the same account is taken for', async () => {
    answer = account('friend', [friendsOther.publicKey], 1001);
    await pysync('refresh', '--yes');
    expect(await send(friendsOther)).toBe('arrived');
    expect(await send(friend)).toEqual(refused);
  });
});

/** How people write a list of GitHub's as an address; `$` is the GitHub that is asked. */
const spellings = [
  'https://github.com/friend.keys',
  'http://github.com/friend.keys',
  'https://www.github.com/friend.keys/',
  'HTTPS://GitHub.COM:443/FRIEND.KEYS',
  'https://github.com/%66riend%2Ekeys?ref=readme#keys',
  'https://github.com.//friend.keys',
  'https://api.github.com/users/friend/keys?per_page=100',
  '$/friend.keys',
  '$/api/v3/users/Friend/keys/',
] as const;

describe.each(variants(spellings))('a GitHub name that was imported as %s', (spelling) => {
  const source = (): string => spelling.replace('$', url.replace('/api/v3', ''));

  beforeEach(async () => {
    if (spelling.startsWith('$')) url += '/api/v3';
    await receiver.account.run(['rm', '-f', '.ssh/authorized_keys']);
    expect(await pysync('-i', source())).toMatchObject({ exitCode: 0 });
  });

  it('is the same account for as long as that is so, and then lets nobody in', async () => {
    expect(await send(friend)).toBe('arrived');
    answer = account('friend', [friend.publicKey, friendsOther.publicKey], 1001);
    await pysync('refresh', source(), '--yes');
    expect(await send(friendsOther)).toBe('arrived');
    answer = taken();
    for (const again of [source(), 'friend', 'https://github.com/friend.keys']) {
      expect(await pysync('-i', again, '--name', 'somebody')).toMatchObject({ exitCode: 1 });
    }
    expect(await send(attacker)).toEqual(refused);
    await pysync('refresh', '--yes');
    for (const peer of [attacker, friend, friendsOther]) expect(await send(peer)).toEqual(refused);
  });
});

describe('a line of an older pysync, with a GitHub list as its address and no account', () => {
  it('lets nobody in by a refresh', async () => {
    const change = 's#--source gh:friend --account 1001#--source https://github.com/friend.keys#';
    await receiver.account.run(['sed', '-i', change, '.ssh/authorized_keys']);
    expect(await send(friend)).toBe('arrived');
    answer = taken();
    const { stdout } = await pysync('refresh', '--yes');
    expect(stdout).toContain('new, not imported: the account that its keys came from is not known');
    expect(await send(attacker)).toEqual(refused);
    expect(await pysync('revoke', 'gh:friend')).toMatchObject({ exitCode: 0 });
    expect(await send(friend)).toEqual(refused);
  });
});

describe('the attacker’s key', () => {
  it('is a good one that would get in if it were imported', async () => {
    expect(await pysync('-i', attacker.publicKey)).toMatchObject({ exitCode: 0 });
    expect(await send(attacker)).toBe('arrived');
  });
});
