/** The text of the launcher: a few lines that find Node and pysync, and call session/launcher.sh. */
import { quote } from '../gate/quote.js';

export interface Script {
  /** Absolute path of the Node that runs pysync. */
  readonly node: string;
  /** Absolute path of session/ in dist. */
  readonly program: string;
  /** The owner's XDG_DATA_HOME, XDG_STATE_HOME and XDG_CONFIG_HOME. */
  readonly data: string;
  readonly state: string;
  readonly config: string;
}

/** The lines that say where everything is: launcher/programs.ts reads them back. */
export const names = ['node', 'program', 'data', 'state', 'config'] as const;

/** Ends with 1 in a Node older than package.json asks for. */
const isOld =
  'const [a, b] = process.versions.node.split("."); process.exit(+(a < 20 || (a == 20 && b < 19)))';

/** `version` is that of the pysync that writes it. */
export function scriptText(script: Script, version: string): string {
  return `#!/bin/sh
# Written by pysync ${version}, and written again by it when something here changes. Do not edit.
# The forced command of the keys that pysync imported.
${names.map((name) => `${name}=${quote(script[name])}`).join('\n')}
# An upgrade may have moved Node, and pysync with it: the last of the usual places that works.
if [ ! -x "$node" ] || [ ! -r "$program/launcher.sh" ]; then
  for other in ${nodesNear(script.node).join(' ')}; do
    /usr/bin/env -i "$other" -e '${isOld}' 2>/dev/null || continue
    moved=\${other%/bin/node}/lib/node_modules/pysync/dist/session
    if [ ! -r "$program/launcher.sh" ] && [ -r "$moved/launcher.sh" ]; then program=$moved; fi
    usable=$other
  done
  [ -x "$node" ] || node=\${usable-$node}
fi
if [ ! -x "$node" ] || [ ! -r "$program/launcher.sh" ]; then
  echo 'pysync: the receiving side has a problem; its owner can see it with: pysync doctor' >&2
  exit 1
fi
. "$program/launcher.sh"
`;
}

/**
 * Shell patterns for where another Node may be, by where this one is: version managers and Homebrew
 * have a folder for each version, as in `~/.nvm/versions/node/v22.1.0/bin/node`.
 */
function nodesNear(node: string): string[] {
  const usual = ['/usr/bin/node', '/usr/local/bin/node', '/opt/homebrew/bin/node'];
  const [, before, after] = /^(.*\/)v?\d[^/]*(\/.*)$/.exec(node) ?? [];
  if (before === undefined || after === undefined) return usual;
  return [...usual, `${quote(before)}*${quote(after)}`];
}
