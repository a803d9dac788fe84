/** What may stand for each `<value>` and `[value]` in the table of commands (index.ts). */
import { wordOf } from '../../doctor/check.js';
import { checks } from '../../doctor/checks/index.js';
import { accesses } from '../../gate/policy.js';
import { preferences } from '../../system/preferences.js';
import type { ValueKind } from '../../shell/command-line.js';

export const valueKinds: Readonly<Record<string, ValueKind>> = {
  access: accesses,
  addresses: ['lan'],
  check: checks.map(wordOf),
  command: 'command',
  count: 'free',
  dir: 'folder',
  engine: ['libguestfs', 'e2fsprogs'],
  fingerprint: 'free',
  level: ['none'],
  name: 'free',
  peer: 'peer',
  port: 'free',
  seconds: 'free',
  'server-command': 'free',
  share: 'volume',
  shell: ['bash', 'zsh', 'fish'],
  size: 'free',
  source: 'file',
  when: 'free',
  words: ['get', 'set', 'unset', ...Object.keys(preferences)],
};
