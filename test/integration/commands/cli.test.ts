/** The command line as a whole: help, mistakes, pipes, terminals, Ctrl-C. */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, inject, it } from 'vitest';
import { useHome } from '../../helpers/home.js';
import { ed25519Line } from '../../helpers/key-blob.js';

const home = useHome();

/** Runs pysync on a terminal of its own (script(1)), and gives what that shows. */
async function onTerminal(env: Record<string, string>, args: readonly string[]): Promise<string> {
  const script = 'exec script --quiet --return --command "$(printf "%q " "$@")" /dev/null';
  const { stdout } = await home.inShell(script, args, { env: { TERM: 'xterm', ...env } });
  return stdout;
}

async function wrongUsage(...args: readonly string[]): Promise<string> {
  const before = await home.snapshot();
  const { stdout, stderr, exitCode } = await home.pysync(args);
  expect({ stdout, exitCode }).toEqual({ stdout: '', exitCode: 2 });
  expect(await home.snapshot()).toBe(before);
  return stderr;
}

describe('help and version', () => {
  it('print all that there is, and the version of the package', async () => {
    const { stdout, stderr, exitCode } = await home.pysync(['--help']);
    expect({ stderr, exitCode }).toEqual({ stderr: '', exitCode: 0 });
    // prettier-ignore
    const listed = ['--import', '--size', '--dir', '--access', '--allow-delete', '--from', '--expires',
      '--name', '--confine', '--dry-run', '--json', 'status', 'keys', 'revoke', 'explain', 'config',
      'Examples:', 'Exit status: 0 done, 1 failed, 2 wrong usage, 130 interrupted.'];
    for (const word of listed) expect(stdout).toContain(word);
    expect((await home.pysync(['help'])).stdout).toBe(stdout);
    const ofRevoke = await home.pysync(['revoke', '--help']);
    expect(ofRevoke.stdout).toContain('--dry-run');
    expect(ofRevoke.exitCode).toBe(0);

    const manifest = JSON.parse(readFileSync(join(inject('program'), 'package.json'), 'utf8')) as {
      version: string;
    };
    expect((await home.pysync(['--version'])).stdout).toBe(`${manifest.version}\n`);
  });
});

describe('a mistyped command line', () => {
  it('is answered with what was probably meant', async () => {
    expect(await wrongUsage('statsu')).toBe(
      "pysync: 'statsu' is not a command\n  did you mean: pysync status\n",
    );
    expect(await wrongUsage('octocat')).toContain('to import a key: pysync -i octocat');
    expect(await wrongUsage('--acess', 'read-only')).toBe(
      "pysync: unknown option '--acess'\n  did you mean: --access\n  see pysync --help\n",
    );
    expect(await wrongUsage('revoke')).toBe(
      "pysync: revoke needs a peer's name, a fingerprint or a source\n  pysync keys lists them\n",
    );
  });

  it('is answered in one sentence where help is asked for what is no command', async () => {
    expect(await wrongUsage('help', 'revok')).toBe(
      "pysync: 'revok' is not a command\n  did you mean: pysync help revoke\n",
    );
    expect(await wrongUsage('help', 'octocat')).toContain('to see the commands: pysync --help');
  });

  it('is not taken for another one', async () => {
    expect(await wrongUsage('--access', 'read-only')).toBe(
      'pysync: --access needs a key to import: add -i <source>\n',
    );
    expect(await wrongUsage('-i', ed25519Line(), 'keys')).toContain(
      "--import does not go with 'keys'",
    );
    expect(await wrongUsage('keys', 'bob')).toContain("too many arguments for 'keys'");
    expect(await wrongUsage('-i')).toBe(
      'pysync: --import needs a value: --import <source>\n  see pysync --help\n',
    );
    expect(await wrongUsage('-i', 'bob.pub', '--engine', 'e2fsprogs')).toBe(
      'pysync: --engine says how to cap a share: add --size <size>\n',
    );
    expect(await wrongUsage('--size', 'none', '--kernel-mount')).toBe(
      'pysync: --kernel-mount does not go together with --size none: no volume is made\n',
    );
    expect(await wrongUsage('--dir', 'x')).toContain('add -i <source> or --size <size>');
  });

  it('asks for quotes around a key whose words came as several', async () => {
    expect(await wrongUsage('-i', ...ed25519Line().split(' '))).toContain('put the key in quotes');
    expect(await wrongUsage('-i', 'bob.pub', 'carol.pub')).toContain('-i bob.pub -i carol.pub');
  });
});

describe('what is printed', () => {
  it('has colour on a terminal only, and not with NO_COLOR or TERM=dumb', async () => {
    await home.pysync(['-i', ed25519Line()]);
    const escape = '\u001b[';
    expect(await onTerminal({}, ['keys'])).toContain(escape);
    expect(await onTerminal({ NO_COLOR: '1' }, ['keys'])).not.toContain(escape);
    expect(await onTerminal({ TERM: 'dumb' }, ['keys'])).not.toContain(escape);
    expect((await home.pysync(['keys'])).stdout).not.toContain(escape);
  });

  it('may be read in part: `pysync keys | head -1` ends without noise', async () => {
    const keys = Array.from({ length: 300 }, () => ed25519Line()).join('\n');
    await home.pysync(['-i', '-', '--name', 'bob'], { input: keys });
    const { stdout, stderr } = await home.inShell('"$@" | head -1; echo "${PIPESTATUS[0]}"', [
      'keys',
      '--json',
    ]);
    expect(stdout).toBe('{\n0\n');
    expect(stderr).toBe('');
  });
});

describe('Ctrl-C', () => {
  it('ends an import that waits for its standard input, and nothing is written', async () => {
    const before = await home.snapshot();
    const { stdout, stderr } = await home.inShell(
      // A background job of a shell ignores SIGINT, unless it has job control. The fifo never ends.
      `set -m; fifo=$(mktemp -u); mkfifo "$fifo"; exec 3<>"$fifo"; rm "$fifo"
      "$@" <&3 2>&1 & pid=$!
      until grep -q '^SigCgt:.*[2367abef]$' /proc/$pid/status; do :; done
      kill -INT $pid; wait $pid; echo $?`,
      ['-i', '-'],
    );
    expect(stdout.split('\n').at(-2)).toBe('130');
    expect(stdout + stderr).not.toContain('bug');
    expect(await home.snapshot()).toBe(before);
  });
});

describe('a bug', () => {
  it('is called one, with the version and where it happened', async () => {
    home.write('broken.mjs', 'JSON.stringify = () => { throw new RangeError("unforeseen"); };');
    const env = { NODE_OPTIONS: `--import ${home.path('broken.mjs')}` };
    const { stdout, stderr, exitCode } = await home.pysync(['keys', '--json'], { env });
    expect({ stdout, exitCode }).toEqual({ stdout: '', exitCode: 1 });
    expect(stderr).toMatch(/^pysync: this is a bug in pysync \d+\.\d+\.\d+ \(node v\d+/);
    expect(stderr).toMatch(/\n {2}RangeError: unforeseen\n {6}at /);
  });
});
