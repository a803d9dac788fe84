/**
 * The text of the systemd user unit of `pysync serve`, made and read: systemd.service(5), systemd.kill(5),
 * systemd.syntax(7).
 *
 * What is not in it, each tried with a systemd 252: `NoNewPrivileges=`, and all that brings it along for
 * an ordinary user (`LockPersonality=`, `SystemCallFilter=`, `RestrictSUIDSGID=` …), since fusermount3
 * could not mount a capped share any more; `MemoryDenyWriteExecute=`, since Node compiles as it runs. A
 * mount namespace (`ProtectSystem=`, `PrivateTmp=` …) has no effect there, and a later systemd makes a user
 * namespace for it, in which fusermount3 has no rights and what is mounted nobody else sees. What
 * speaks to the network is in bubblewrap anyway, with all of that and more.
 */

/** What a unit starts: `node program serve …options`. */
export interface Unit {
  /** Absolute path. */
  readonly node: string;
  /** Absolute path of pysync's bin. */
  readonly program: string;
  readonly options: readonly string[];
  /** What the owner's shell has set and systemd may not know. */
  readonly environment: Readonly<Record<string, string>>;
}

export const unitName = 'pysync.service';

/** Seconds that running transfers get to end when the unit is stopped. */
export const stopSeconds = 60;

const header = '# Written by pysync';

/** `version` is that of the pysync that writes it. */
export function unitText(unit: Unit, version: string): string {
  const { node, program, options, environment } = unit;
  const command = [program, 'serve', ...options].map((word) =>
    quoted(word).replaceAll('$', '$$$$'),
  );
  const variables = Object.entries(environment).map((each) => quoted(each.join('=')));
  return `${header} ${version}, and again by each: pysync serve --install
# What is edited here is lost then; put it into a drop-in: systemctl --user edit pysync
[Unit]
Description=pysync serve, which receives files by rsync
StartLimitIntervalSec=60
StartLimitBurst=5

[Service]
ExecStart=${[quoted(node), ...command].join(' ')}
${variables.map((each) => `Environment=${each}\n`).join('')}Restart=on-failure
RestartSec=1
# Wrong options do not get better by themselves.
RestartPreventExitStatus=2
SuccessExitStatus=130
# pysync is told to stop, and ends when the running transfers have. Nothing else is: a program that
# serves a capped share's volume must live for as long as that is mounted.
KillMode=process
KillSignal=SIGTERM
TimeoutStopSec=${stopSeconds}
# One transfer without memory does not end all others.
OOMPolicy=continue
LimitCORE=0

[Install]
WantedBy=default.target
`;
}

/** Whether pysync wrote it. */
export function isOurUnit(text: string): boolean {
  return text.startsWith(header);
}

/** Reads what a unit starts; undefined where that is not a pysync serve. */
export function readUnit(text: string): Unit | undefined {
  const [command = ''] = valuesOf(text, 'ExecStart');
  const [node, ...words] = wordsOf(command);
  const [program, verb, ...options] = words.map((word) => word.replaceAll('$$', '$'));
  if (node?.startsWith('/') !== true || program?.startsWith('/') !== true) return undefined;
  if (verb !== 'serve') return undefined;
  const variables = valuesOf(text, 'Environment').flatMap(wordsOf);
  const environment = Object.fromEntries(
    variables.map((each) => [each.replace(/=.*/s, ''), each.replace(/^[^=]*=/, '')]),
  );
  return { node, program, options, environment };
}

/** Whether Node or pysync is where the next upgrade puts it somewhere else. */
export function movesWithUpgrades({ node, program }: Unit): boolean {
  // As ~/.nvm/versions/node/v22.1.0/bin/node; npx keeps what it runs for a while only.
  return /\/v?\d+\.[^/]*\//.test(node) || program.includes('/_npx/');
}

/** The port in these options of serve. */
export function portIn(options: readonly string[], usual: number): number {
  const at = options.indexOf('--port');
  return at < 0 ? usual : Number(options[at + 1]);
}

function valuesOf(text: string, name: string): string[] {
  const prefix = `${name}=`;
  return text
    .split('\n')
    .filter((line) => line.startsWith(prefix))
    .map((line) => line.slice(prefix.length));
}

/** A word in which systemd replaces nothing and ends nowhere; `$` is for the caller to double. */
function quoted(word: string): string {
  if (/^[\w/.,:=@+-]+$/.test(word)) return word;
  const text = word
    .replaceAll(/[\\"]/g, '\\$&')
    .replaceAll('%', '%%')
    .replaceAll(/\p{Cc}/gu, (each) => Buffer.from(each).toString('hex').replaceAll(/../g, '\\x$&'));
  return `"${text}"`;
}

function wordsOf(value: string): string[] {
  return [...value.matchAll(/"((?:\\.|[^"\\])*)"|[^\s"]+/g)].map(([all, inner]) =>
    unescaped(inner ?? all).replaceAll('%%', '%'),
  );
}

function unescaped(text: string): string {
  return text.replaceAll(/((?:\\x[0-9a-f]{2})+)|\\(.)/g, (_, bytes?: string, other?: string) =>
    bytes === undefined
      ? (other ?? '')
      : Buffer.from(bytes.replaceAll('\\x', ''), 'hex').toString(),
  );
}
