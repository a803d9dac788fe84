/** The text of the unit that starts `pysync serve`. */
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import {
  isOurUnit,
  movesWithUpgrades,
  portIn,
  readUnit,
  unitText,
} from '../../../src/server/unit.js';
import type { Unit } from '../../../src/server/unit.js';

const plain: Unit = {
  node: '/usr/bin/node',
  program: '/opt/pysync/bin/pysync.js',
  options: ['--port', '2223'],
  environment: { PATH: '/usr/bin:/bin' },
};

const lineOf = (unit: Unit, name: string): string | undefined =>
  unitText(unit, '1.0')
    .split('\n')
    .find((line) => line.startsWith(`${name}=`));

describe('the text of a unit', () => {
  it('starts Node and pysync by their paths, with the options', () => {
    expect(lineOf(plain, 'ExecStart')).toBe(
      'ExecStart=/usr/bin/node /opt/pysync/bin/pysync.js serve --port 2223',
    );
    expect(lineOf(plain, 'Environment')).toBe('Environment=PATH=/usr/bin:/bin');
  });

  it('stops pysync alone, and never what serves a volume', () => {
    const text = unitText(plain, '1.0');
    expect(text).toContain('\nKillMode=process\n');
    // fusermount3 could not mount a volume (tried with systemd 252).
    expect(text).not.toMatch(
      /^(?:NoNewPrivileges|Protect|Private|Restrict(?!ed)S|Lock|SystemCall)/m,
    );
  });

  it('keeps systemd from replacing or splitting what is in a path', () => {
    const options = ['--dir', '/home/anna/a "b" $HOME 100% \\x41\n;'];
    expect(lineOf({ ...plain, options }, 'ExecStart')).toBe(
      'ExecStart=/usr/bin/node /opt/pysync/bin/pysync.js serve --dir ' +
        String.raw`"/home/anna/a \"b\" $$HOME 100%% \\x41\x0a;"`,
    );
    // Variables are replaced in arguments only: systemd.service(5).
    expect(lineOf({ ...plain, node: '/opt/$a/node' }, 'ExecStart')).toMatch(
      /^ExecStart="\/opt\/\$a/,
    );
  });

  it('is read back as it was', () => {
    const word = fc.oneof(
      fc.string({ unit: 'binary' }),
      fc.string({ unit: fc.constantFrom('$', '%', '\\', '"', 'x', '0', 'a', ' ', '\n') }),
    );
    const path = word.map((text) => `/${text}`);
    const name = fc.stringMatching(/^[A-Z][A-Z_]{0,8}$/);
    const unit = fc.record({
      node: path,
      program: path,
      options: fc.array(word),
      environment: fc.dictionary(name, word, { noNullPrototype: true }),
    });
    fc.assert(
      fc.property(unit, (each) => {
        const text = unitText(each, '1.0');
        expect(isOurUnit(text)).toBe(true);
        expect(readUnit(text)).toEqual(each);
      }),
      { numRuns: 50 },
    );
  });
});

describe('what is not a unit of pysync serve', () => {
  it.each([
    '',
    '[Service]\nExecStart=/usr/bin/sleep 1\n',
    '[Service]\nExecStart=/usr/bin/node /opt/pysync/bin/pysync.js status\n',
    '[Service]\nExecStart=node pysync.js serve\n',
  ])('is not read as one: %j', (text) => {
    expect(readUnit(text)).toBeUndefined();
    expect(isOurUnit(text)).toBe(false);
  });
});

it('finds the port in the options', () => {
  expect(portIn(['--pair', '--port', '2223'], 2222)).toBe(2223);
  expect(portIn(['--pair'], 2222)).toBe(2222);
});

it.each([
  ['/home/anna/.nvm/versions/node/v22.1.0/bin/node', true],
  ['/opt/homebrew/Cellar/node/24.1.0/bin/node', true],
  ['/usr/bin/node', false],
  ['/opt/node20/bin/node', false],
])('knows whether an upgrade moves %s: %s', (node, moves) => {
  expect(movesWithUpgrades({ ...plain, node })).toBe(moves);
});

it('knows that npx keeps nothing', () => {
  const program = '/home/anna/.npm/_npx/1f2e/node_modules/pysync/bin/pysync.js';
  expect(movesWithUpgrades({ ...plain, program })).toBe(true);
});
