/** GitHub's API on the loopback, as its documentation describes it. */
import { createServer } from 'node:http';
import type { IncomingMessage, Server, ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { afterEach } from 'vitest';

export type Answer = (request: IncomingMessage, response: ServerResponse) => void;

export interface Github {
  readonly url: string;
  /** Method, path and query of each request so far. */
  readonly requests: string[];
  /** The `authorization` header of the latest request. */
  authorization: string | undefined;
}

const servers: Server[] = [];

afterEach(() => {
  for (const server of servers.splice(0)) {
    server.closeAllConnections();
    server.close();
  }
});

/** A server on the loopback that answers each request with `answer`, until the test has ended. */
export async function serve(answer: Answer): Promise<Github> {
  const server = createServer((request, response) => {
    github.requests.push(`${request.method ?? ''} ${request.url ?? ''}`);
    github.authorization = request.headers.authorization;
    answer(request, response);
  });
  servers.push(server);
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  const github: Github = { url, requests: [], authorization: undefined };
  return github;
}

export function sendJson(
  response: ServerResponse,
  status: number,
  body: unknown,
  headers: Record<string, string> = {},
): void {
  response.writeHead(status, { 'content-type': 'application/json; charset=utf-8', ...headers });
  response.end(JSON.stringify(body));
}

/** Users and keys as GitHub's documentation describes their answers, pages and links included. */
export function account(login: string, keys: readonly string[], id = 583231): Answer {
  return (request, response) => {
    const address = new URL(request.url ?? '', `http://${request.headers.host ?? ''}`);
    const path = address.pathname.toLowerCase().replace('/api/v3', '');
    if (path === `/users/${login.toLowerCase()}`) {
      sendJson(response, 200, { login, id, type: 'User' });
      return;
    }
    if (path !== `/users/${login.toLowerCase()}/keys`) {
      sendJson(response, 404, { message: 'Not Found' });
      return;
    }
    const size = Number(address.searchParams.get('per_page') ?? 30);
    const page = Number(address.searchParams.get('page') ?? 1);
    const items = keys.slice((page - 1) * size, page * size).map((key, id) => ({ id, key }));
    address.searchParams.set('page', String(page + 1));
    const isLast = page * size >= keys.length;
    sendJson(response, 200, items, isLast ? {} : { link: `<${address.href}>; rel="next"` });
  };
}

export const limitReached: Answer = (_request, response) => {
  sendJson(
    response,
    403,
    { message: 'API rate limit exceeded for 203.0.113.7.' },
    { 'x-ratelimit-remaining': '0', 'x-ratelimit-reset': '1893456000' },
  );
};
