/** Where each kind of key source finds its keys in the contract suite: one entry for each `reading`. */
import { randomBytes } from 'node:crypto';
import { writeFileSync } from 'node:fs';
import type { RequestListener } from 'node:http';
import { join } from 'node:path';
import { Readable } from 'node:stream';
import { account, sendJson, serve, type Answer } from '../../../helpers/github.js';
import { serveHttps, trustAllServers } from '../../../helpers/https.js';
import { createTemporaryFolder } from '../../../helpers/tmp.js';
import type { Named, SourceFixture } from './contract.js';

const textOf = (lines: readonly string[]): string => lines.map((line) => `${line}\n`).join('');

function fileWith(name: string, lines: readonly string[]): Named {
  const path = join(createTemporaryFolder().path, name);
  writeFileSync(path, textOf(lines));
  return { word: path };
}

const piped = (text: string): Named => ({
  word: '-',
  context: { stdin: Readable.from([Buffer.from(text)]) },
});

async function listAt(path: string, answer: RequestListener): Promise<Named> {
  const base = await serveHttps(answer);
  trustAllServers(true);
  const other = base.replace('https://127.0.0.1', 'HTTPS://127.1');
  return { word: `${base}/${path}`, spellings: [`${other}/x/../${path}#all`] };
}

async function octocat(answer: Answer): Promise<Named> {
  const { url } = await serve(answer);
  return {
    word: 'octocat',
    context: { githubApiUrl: url },
    spellings: ['gh:octocat', 'OCTOCAT', `${url}/octocat.keys`, `${url}/users/octocat/keys?page=2`],
  };
}

export const fixtures: Readonly<Record<string, SourceFixture>> = {
  argument: {
    holding: (lines) => ({ word: textOf(lines) }),
    named: (text) => ({ word: `ssh-ed25519 ${text}` }),
  },
  stdin: {
    holding: (lines) => piped(textOf(lines)),
    named: piped,
  },
  file: {
    holding: (lines) => fileWith('bob.pub', lines),
    named: (text) => fileWith(`${text}${randomBytes(4).toString('hex')}.pub`, ['x']),
  },
  url: {
    holding: (lines) => listAt('team.keys', (_, response) => response.end(textOf(lines))),
    named: (text) => listAt(`team${text}`, (_, response) => response.writeHead(403).end(text)),
    silent: [
      () => listAt('none', () => undefined),
      () => listAt('half', (_, response) => response.write('ssh-ed25519 AAAA')),
    ],
  },
  github: {
    holding: (lines) => octocat(account('Octocat', lines)),
    named: (text) => ({ word: `gh:${text}` }),
    silent: [
      () => octocat(() => undefined),
      () =>
        octocat((request, response) => {
          if (request.url?.includes('keys') === true) response.write('[');
          else sendJson(response, 200, { login: 'Octocat', id: 7 });
        }),
    ],
  },
};
