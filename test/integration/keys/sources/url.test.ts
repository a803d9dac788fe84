import { describe, expect, it } from 'vitest';
import { readSource } from '../../../../src/keys/sources/index.js';
import { serveHttps, trustAllServers } from '../../../helpers/https.js';
import { ed25519Line } from '../../../helpers/key-blob.js';

const key = `${ed25519Line()}\n`;

describe('a list of keys at an https address', () => {
  it('is read, and suggests the name of its file', async () => {
    const base = await serveHttps((_request, response) => response.end(key));
    trustAllServers(true);
    const result = await readSource(`${base}/~x/bob.keys?token=secret`);
    expect(Buffer.from(result.content).toString()).toBe(key);
    expect(result).toMatchObject({
      reading: 'url',
      source: `${base}/~x/bob.keys?`,
      origin: `${base}/~x/bob.keys`,
      defaultName: 'bob',
    });
    expect((await readSource(`${base}/raw/1234`)).defaultName).toBeUndefined();
  });

  it('is refused from a server that nobody vouches for', async () => {
    const base = await serveHttps((_request, response) => response.end(key));
    await expect(readSource(`${base}/bob.keys`)).rejects.toMatchObject({
      code: 'URL_UNREACHABLE',
      message: expect.stringMatching(/DEPTH_ZERO_SELF_SIGNED_CERT/) as string,
    });
  });

  it('is followed to another https address', async () => {
    const base = await serveHttps((request, response) => {
      if (request.url === '/bob.keys') response.end(key);
      else response.writeHead(302, { location: '/bob.keys' }).end();
    });
    trustAllServers(true);
    expect((await readSource(`${base}/old`)).content).toHaveLength(key.length);
  });

  it('is not followed to http, nor round in circles', async () => {
    let location = 'http://127.0.0.1:1/bob.keys';
    let requests = 0;
    const base = await serveHttps((_request, response) => {
      requests += 1;
      response.writeHead(301, { location }).end();
    });
    trustAllServers(true);
    await expect(readSource(`${base}/x`)).rejects.toMatchObject({ code: 'URL_LEADS_TO_HTTP' });
    location = '/x';
    requests = 0;
    await expect(readSource(`${base}/x`)).rejects.toMatchObject({ code: 'URL_REDIRECTS' });
    expect(requests).toBe(6);
  });

  it.each([
    ['is missing', 404, '', '', 'URL_NOT_FOUND'],
    ['is forbidden', 403, 'no', 'text/plain', 'URL_REFUSED'],
    ['fails', 500, 'oh', 'text/plain', 'URL_REFUSED'],
    ['is a page', 200, '<p>hello', 'text/html; charset=utf-8', 'URL_IS_PAGE'],
    ['is a page that says it is text', 200, '\n<!DOCTYPE html><p>', 'text/plain', 'URL_IS_PAGE'],
  ])('gets a sentence where it %s', async (_what, status, body, type, code) => {
    const base = await serveHttps((_request, response) =>
      response.writeHead(status, { 'content-type': type }).end(body),
    );
    trustAllServers(true);
    await expect(readSource(`${base}/bob`)).rejects.toMatchObject({ code });
  });

  it('is cut off past 1 MiB, whatever length it says', async () => {
    const base = await serveHttps((_request, response) => {
      const pour = (): void => {
        while (response.write(Buffer.alloc(65_536, 'x')));
      };
      response.on('drain', pour);
      pour();
    });
    trustAllServers(true);
    await expect(readSource(`${base}/bob`)).rejects.toMatchObject({ code: 'SOURCE_TOO_LARGE' });
  });
});
