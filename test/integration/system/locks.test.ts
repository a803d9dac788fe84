import { spawn } from 'node:child_process';
import { readdirSync, readlinkSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { beforeEach, describe, expect, inject, it } from 'vitest';
import { withLock } from '../../../src/system/locks.js';
import { exec } from '../../helpers/exec.js';
import { createTemporaryFolder, waitFor } from '../../helpers/tmp.js';

let folder: string;
let lock: string;

beforeEach(() => {
  folder = createTemporaryFolder().path;
  lock = join(folder, 'lock');
});

function script(text: string): string[] {
  const imports = `import { withLock } from ${JSON.stringify(join(inject('program'), 'dist/system/locks.js'))};
    import { readFile, writeFile } from 'node:fs/promises';
    import { setTimeout as delay } from 'node:timers/promises';
    const [folder] = process.argv.slice(1);
    const die = () => process.kill(process.pid, 'SIGKILL');\n`;
  return [inject('node'), '--input-type=module', '-e', imports + text, '--', folder];
}

/** What a holder on this machine writes, with `change` made to it, left as if it had been killed. */
async function leaveLock(change: Readonly<Record<string, unknown>>): Promise<void> {
  const text = await withLock(lock, () => Promise.resolve(readlinkSync(lock)));
  const holder = { ...(JSON.parse(text) as object), id: 'ab'.repeat(16), ...change };
  symlinkSync(JSON.stringify(holder), lock);
}

const got = (): Promise<string> => Promise.resolve('got it');

describe('withLock', () => {
  it('lets one body run at a time, also within one process, and leaves nothing', async () => {
    const events: string[] = [];
    const body = (name: string) => async (): Promise<void> => {
      events.push(`${name} in`);
      await delay(5);
      events.push(`${name} out`);
    };
    await Promise.all([withLock(lock, body('a')), withLock(lock, body('b'))]);
    expect(events.map((each) => each.slice(2))).toEqual(['in', 'out', 'in', 'out']);
    expect(readdirSync(folder)).toEqual([]);
  });

  it('is released when the body fails', async () => {
    await expect(withLock(lock, () => Promise.reject(new Error('oh')))).rejects.toThrow('oh');
    expect(readdirSync(folder)).toEqual([]);
  });

  it('gives up after the time it may wait, and says who holds the lock', async () => {
    await withLock(lock, async () => {
      const second = withLock(lock, got, { waitMs: 50 });
      await expect(second).rejects.toMatchObject({
        code: 'LOCK_HELD',
        message: expect.stringContaining(`process ${process.pid} on `) as unknown,
        hints: expect.arrayContaining([expect.stringContaining('remove that file')]) as unknown,
      });
    });
    expect(readdirSync(folder)).toEqual([]);
  });

  it('follows a holder that was killed, at once', async () => {
    const holder = spawn(
      inject('node'),
      script(
        `await withLock(folder + '/lock', () => { console.log('in'); return delay(60_000); });`,
      ).slice(1),
      { stdio: ['ignore', 'pipe', 'inherit'] },
    );
    await new Promise((resolve) => holder.stdout.once('data', resolve));
    await expect(withLock(lock, got, { waitMs: 0 })).rejects.toMatchObject({ code: 'LOCK_HELD' });
    holder.kill('SIGKILL');
    await waitFor('the end of the holder', () => holder.signalCode !== null);
    expect(await withLock(lock, got, { waitMs: 0 })).toBe('got it');
    expect(readdirSync(folder)).toEqual([]);
  });

  it('follows a dead holder whose number another process has by now', async () => {
    await leaveLock({ start: '1' });
    expect(await withLock(lock, got, { waitMs: 0 })).toBe('got it');
  });

  it('follows a chain of dead holders that died while they followed each other', async () => {
    await leaveLock({ start: '1' });
    const first = JSON.parse(readlinkSync(lock)) as object;
    const second = JSON.stringify({ ...first, id: 'cd'.repeat(16) });
    symlinkSync(second, `${lock}.${'ab'.repeat(16)}`);
    symlinkSync(second, `${lock}.${'ef'.repeat(16)}`);
    expect(await withLock(lock, got, { waitMs: 0 })).toBe('got it');
    expect(readdirSync(folder)).toEqual([]);
  });

  it('follows a holder from before this machine was restarted', async () => {
    await leaveLock({ boot: 'another' });
    expect(await withLock(lock, got, { waitMs: 0 })).toBe('got it');
  });

  it.each([
    { host: 'elsewhere', boot: 'another' },
    { space: 'pid:[1]', start: '1' },
  ])('does not judge a holder it cannot see: %o', async (change) => {
    await leaveLock(change);
    await expect(withLock(lock, got, { waitMs: 20 })).rejects.toMatchObject({ code: 'LOCK_HELD' });
    rmSync(lock);
  });

  it('touches nothing that it did not make', async () => {
    writeFileSync(lock, 'mine');
    await expect(withLock(lock, got)).rejects.toMatchObject({ code: 'LOCK_UNREADABLE' });
    rmSync(lock);
    symlinkSync('/etc/passwd', lock);
    await expect(withLock(lock, got)).rejects.toMatchObject({ code: 'LOCK_UNREADABLE' });
    expect(readlinkSync(lock)).toBe('/etc/passwd');
  });

  it('says in a sentence that its directory is missing', async () => {
    const missing = join(folder, 'no/lock');
    await expect(withLock(missing, got)).rejects.toThrow(/could not make the lock .*no such file/);
  });

  it('has one holder at a time while holders are killed', async () => {
    // Each body signs a paper and looks a little later whether anybody signed over it.
    const text = `
      const paper = folder + '/paper';
      for (let i = 0; i < 25; i += 1) {
        await withLock(folder + '/lock', async () => {
          const name = process.pid + ' ' + i;
          await writeFile(paper, name);
          if (Math.random() < 0.04) die();
          await delay(Math.random() * 2);
          if ((await readFile(paper, 'utf8')) !== name) console.log('two holders');
          if (Math.random() < 0.04) die();
        });
      }`;
    const runs = Array.from({ length: 12 }, () => exec(script(text)));
    const results = await Promise.all(runs);
    expect(results.map(({ stdout, stderr }) => stdout + stderr).join('')).toBe('');
    // Otherwise nothing was put to the test.
    expect(results.some(({ exitCode }) => exitCode === 137)).toBe(true);
    expect(await withLock(lock, got, { waitMs: 0 })).toBe('got it');
    expect(readdirSync(folder)).toEqual(['paper']);
  });
});
