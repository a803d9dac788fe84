import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, it } from 'vitest';
import { isStillAuthorized } from '../../../src/session/authorized.js';
import { formatPolicy } from '../../../src/gate/policy.js';
import { quoteAll } from '../../../src/gate/quote.js';
import { ordinaryPolicy } from '../../helpers/policy.js';

const folder = mkdtempSync(join(tmpdir(), 'pysync-authorized-'));
const file = join(folder, 'authorized_keys');
const words = formatPolicy({ ...ordinaryPolicy, share: "/srv/Bob's files" });
const command = `command="/x/pysync/launcher ${quoteAll(words).replaceAll('"', '\\"')}"`;
const noon = new Date(2026, 10, 23, 12, 0, 0);

afterAll(() => {
  rmSync(folder, { recursive: true });
});

function ask(line: string, address = '10.1.2.3', policy = words): boolean {
  writeFileSync(file, `# first\nssh-rsa AAAA owner\n${line}\n`);
  return isStillAuthorized(file, policy, address, noon);
}

describe('isStillAuthorized', () => {
  it('knows its own line by its words', () => {
    expect(ask(`restrict,${command} ssh-ed25519 AAAA bob`)).toBe(true);
    expect(ask(`#restrict,${command} ssh-ed25519 AAAA bob`)).toBe(false);
    expect(ask(`restrict,${command} ssh-ed25519 AAAA`, '', words.slice(0, -2))).toBe(false);
    expect(ask('')).toBe(false);
  });

  it.each([
    ['202611231159', false],
    ['20261123115959', false],
    ['202611231201', true],
    ['20261123', false],
    ['20261124', true],
  ])('with expiry-time %s at noon of that day: %s', (time, expected) => {
    expect(ask(`restrict,expiry-time="${time}",${command} ssh-ed25519 AAAA`)).toBe(expected);
  });

  it.each([
    ['10.0.0.0/8', true],
    ['192.168.1.0/24,10.1.2.3', true],
    ['192.168.1.0/24', false],
    ['fd00::/8', false],
    ['*.example.org', true],
  ])('from %s lets 10.1.2.3 in: %s', (from, expected) => {
    expect(ask(`restrict,from="${from}",${command} ssh-ed25519 AAAA`)).toBe(expected);
  });

  it('compares addresses of both kinds', () => {
    const line = `restrict,from="fd00::/8",${command} ssh-ed25519 AAAA`;
    expect(ask(line, 'fd00::2')).toBe(true);
    expect(ask(line, 'fe80::2')).toBe(false);
  });
});
