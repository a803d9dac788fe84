/** The man page that the build has made, read by a real formatter. */
import { join } from 'node:path';
import { expect, inject, it } from 'vitest';
import { exec, mustExec } from '../../helpers/exec.js';

const page = (): string => join(inject('program'), 'dist/pysync.1');

/** As a terminal of 80 columns shows it, without bold and underlined letters. */
async function shown(): Promise<string> {
  const { stdout } = await mustExec(['mandoc', '-T', 'ascii', '-O', 'width=80', page()]);
  return stdout.replaceAll(/.\u0008/g, '');
}

it('is good mdoc', async () => {
  const { stdout, exitCode } = await exec(['mandoc', '-T', 'lint', '-W', 'warning', page()]);
  expect({ stdout, exitCode }).toEqual({ stdout: '', exitCode: 0 });
});

it('tells every command and option that the help tells, within 80 columns', async () => {
  const text = await shown();
  const program = join(inject('program'), 'bin/pysync.js');
  const help = (await mustExec([inject('node'), program, '--help'])).stdout;
  const listed = [...help.matchAll(/^ {2}(?:-\w, )?(--[a-z-]+|[a-z]+)/gm)].map(([, word]) => word);
  expect(listed).toEqual(expect.arrayContaining(['--import', '--size', 'revoke', 'status']));
  for (const word of listed) expect(text).toContain(word);
  for (const line of text.split('\n')) expect(line.length).toBeLessThanOrEqual(80);
});

it('shows words as they are typed, with their signs', async () => {
  const text = await shown();
  expect(text).toContain('pysync -i bob.pub --dir ~/from-bob');
  expect(text).toContain('~/.ssh/authorized_keys');
  for (const title of ['SYNOPSIS', 'PREFERENCES', 'ENVIRONMENT', 'EXIT STATUS', 'SEE ALSO']) {
    expect(text).toMatch(new RegExp(`^${title}$`, 'm'));
  }
});
