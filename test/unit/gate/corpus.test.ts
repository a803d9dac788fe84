import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { decide } from '../../../src/gate/decide.js';
import { NotRsync, readCommand } from '../../../src/gate/request.js';
import { Refusal } from '../../../src/gate/refusal.js';
import { secludedWord } from '../../../src/gate/words.js';
import { ordinaryPolicy, sandbox } from '../../helpers/policy.js';

/** What real clients of nine kinds send; each line of the fixture is one captured server command. */
interface Captured {
  readonly client: string;
  readonly version: string;
  readonly feature: string;
  readonly server_command: string;
  readonly secluded_args?: readonly string[];
}

const records = readFileSync(
  new URL('../../fixtures/rsync-commands.jsonl', import.meta.url),
  'utf8',
)
  .trim()
  .split('\n')
  .map((line) => JSON.parse(line) as Captured);

/**
 * Why a captured command is refused. Written down by hand from what the command asks for, apart
 * from the gate's tables; whatever none of these fits has to be allowed.
 */
const deserved: readonly {
  readonly asks: RegExp;
  readonly on?: 'push' | 'pull';
  readonly reason: RegExp;
}[] = [
  { asks: /^(?:sudo|cd) /, reason: /^not rsync$/ },
  { asks: / --daemon /, reason: /daemon/ },
  { asks: / \. (?:.* )?\.\.\//, reason: /leads out of the share/ },
  { asks: / --(?:delete\S*|force) /, on: 'push', reason: /may not delete/ },
  { asks: / --remove-(?:source|sent)-files /, on: 'pull', reason: /may not delete/ },
  // Each of its lines would come back in an error message.
  { asks: / --files-from (?!-)/, on: 'push', reason: /list of your own|cannot name a file/ },
  { asks: / -\S*l.* -\S*K|-[a-zA-Z]*l[a-zA-Z]*K/, on: 'push', reason: /do not go together/ },
  { asks: / (?=.*-[a-zA-Z]*l).*--no-implied-dirs /, on: 'push', reason: /do not go together/ },
  { asks: / --(?:super|fake-super|write-devices|copy-devices) /, reason: /is not allowed/ },
  { asks: / --(?:debug|max-alloc|log-file)[= ]/, reason: /is not allowed/ },
  { asks: / --extended-attributes /, reason: /Apple's own attribute format/ },
  // Clients older than 3.2.4 leave quoting to their user, who gave none here.
  { asks: /(?<!\\)\$(?!\w*')/, reason: /no shell runs here/ },
  { asks: /(?<!\\)it's/, reason: /not closed/ },
  {
    asks: /--[a-z-]+[ =]\S* ?(?:my|old|\.my|\.\.\/my) (?:bak|tmp|prev|stuff|partial) /,
    reason: /belongs/,
  },
  { asks: / \. .*[^\\\s][ \t]+\S/, on: 'push', reason: /more than one destination/ },
];

function outcome(record: Captured): string {
  try {
    const words = (record.secluded_args ?? []).map(secludedWord);
    decide(ordinaryPolicy, sandbox, readCommand(record.server_command), words);
    return 'allowed';
  } catch (error) {
    if (error instanceof NotRsync) return 'not rsync';
    if (error instanceof Refusal) return error.message;
    throw error;
  }
}

function fits(record: Captured, asks: RegExp, on: 'push' | 'pull' | undefined): boolean {
  const direction = record.server_command.includes(' --sender ') ? 'pull' : 'push';
  // Quoted text is one word, whatever is in it.
  const text = record.server_command.replaceAll(/'[^']*'(?!s)|"[^"]*"/g, 'quoted');
  return (on === undefined || on === direction) && asks.test(text);
}

describe('what real clients send', () => {
  it('has every client of the sample', () => {
    const clients = new Set(records.map(({ version }) => version));
    expect([...clients].sort()).toEqual([
      '2.6.9',
      '3.0.9',
      '3.1.3',
      '3.2.3',
      '3.2.7',
      '3.4.1',
      '3.5.0',
      'apple-182',
      'upstream-2026-07',
    ]);
    expect(records).toHaveLength(1583);
  });

  it('is allowed where it stays inside the share, and refused for its own reason elsewhere', () => {
    const wrong: string[] = [];
    for (const record of records) {
      const found = outcome(record);
      const reasons = deserved.filter(({ asks, on }) => fits(record, asks, on));
      const isRight =
        reasons.length === 0
          ? found === 'allowed'
          : reasons.some(({ reason }) => reason.test(found));
      if (!isRight)
        wrong.push(`${record.version} ${JSON.stringify(record.server_command)}: ${found}`);
    }
    expect(wrong).toEqual([]);
  });

  it('is refused in 145 cases of 1,583, and no option more becomes one unnoticed', () => {
    expect(records.filter((record) => outcome(record) !== 'allowed')).toHaveLength(145);
  });
});
