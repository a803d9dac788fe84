/** Do the lines of the imported keys say what they are meant to, and does no other line undo them? */
import { homedir } from 'node:os';
import { quoteAll } from '../../gate/quote.js';
import { isSameKey, parseAuthorizedKeys } from '../../keys/authorized-keys.js';
import type { AuthorizedKeys, OurKey } from '../../keys/authorized-keys.js';
import { isExpired } from '../../keys/imported.js';
import { readAuthorizedKeys } from '../../keys/key-files.js';
import { formatKeyLine } from '../../keys/key-line.js';
import type { Check, Finding } from '../check.js';
import { ok, problem, warning } from '../finding.js';
import { counted } from '../../system/text.js';

interface File extends AuthorizedKeys {
  readonly path: string;
}

export const keys: Check = {
  name: 'keys',
  run: async () => {
    const raw = await readAuthorizedKeys(homedir());
    const files = raw.map(({ path, content }) => ({ path, ...parseAuthorizedKeys(content) }));
    const ours = files.flatMap((file) => file.ours.map((key) => ({ key, path: file.path })));
    const broken = files.flatMap(damaged);
    if (ours.length === 0 && broken.length === 0) {
      return [ok('nobody is let in yet; to let somebody in: pysync -i <key | file | github-user>')];
    }
    const found = [
      ...files.flatMap((file) => unrestricted(file, files)),
      ...broken,
      ...twice(ours),
      ...expired(ours.map(({ key }) => key)),
    ];
    const count = counted(ours.length, 'key');
    return found.length > 0 ? found : [ok(`${count} imported, and no other line lets them in`)];
  },
};

/** A line of the same key without our gate lets its peer have what that line allows. */
function unrestricted({ path, foreign }: File, files: readonly File[]): Finding[] {
  return foreign.flatMap(({ blob, lineNumber, restrictedByOther }) => {
    const peers = files
      .flatMap(({ ours }) => ours)
      .filter((key) => isSameKey(key.blob, blob))
      .map(({ policy }) => policy.peer);
    if (peers.length === 0) return [];
    const who = [...new Set(peers)].join(', ');
    const how = restrictedByOther ? "another command than pysync's" : 'no restriction at all';
    return [
      problem(`line ${lineNumber} of ${path} lets ${who} in with ${how}`, [
        'if that is not what you want, take the line out:',
        ...removal(lineNumber, path),
      ]),
    ];
  });
}

function damaged({ path, broken }: File): Finding[] {
  return broken.map(({ lineNumber, reason }) =>
    problem(`line ${lineNumber} of ${path} is not as pysync wrote it: ${reason}`, [
      'take the line out, and import the key again:',
      ...removal(lineNumber, path),
    ]),
  );
}

/** sshd goes on to the next line of a key where `from=` or `expiry-time=` of one does not fit. */
function twice(ours: readonly { key: OurKey; path: string }[]): Finding[] {
  return ours.flatMap(({ key, path }, i) => {
    const first = ours.slice(0, i).find((other) => isSameKey(other.key.blob, key.blob));
    if (first === undefined) return [];
    const where = `line ${key.lineNumber} of ${path}`;
    const hints = ['take one of the two out, such as:', ...removal(key.lineNumber, path)];
    return saysTheSame(first.key, key)
      ? [warning(`the key of ${key.policy.peer} stands twice, also in ${where}`, hints)]
      : [problem(`${where} lets ${key.policy.peer} in by other rules than an earlier line`, hints)];
  });
}

function saysTheSame(a: OurKey, b: OurKey): boolean {
  const rules = (key: OurKey): string =>
    formatKeyLine({
      ...key,
      comment: '',
      policy: { ...key.policy, peer: 'peer', source: 'argument', imported: '2000-01-01T00:00:00Z' },
    });
  return rules(a) === rules(b);
}

function expired(ours: readonly OurKey[]): Finding[] {
  return ours
    .filter((key) => isExpired(key, new Date()))
    .map(({ policy }) =>
      warning(`the key of ${policy.peer} has expired`, [
        'to take all expired keys out:',
        'pysync revoke --expired',
      ]),
    );
}

/** The lines behind it move up, so the next number would be wrong. */
function removal(lineNumber: number, path: string): string[] {
  return [
    quoteAll(['sed', '-i', `${lineNumber}d`, path]),
    '(for one more line, ask pysync doctor again first: the numbers change)',
  ];
}
