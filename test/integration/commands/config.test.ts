/** `pysync config`: the preferences, and where they are kept. */
import { chmodSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { parseJson, useHome } from '../../helpers/home.js';
import { ed25519Line } from '../../helpers/key-blob.js';

const home = useHome();
const name = 'github-api-url';
const url = 'https://github.example/api/v3';

describe('pysync config', () => {
  it('shows what there is to prefer, and reads without making anything', async () => {
    const before = await home.snapshot();
    const { stdout } = await home.pysync(['config']);
    expect(stdout).toMatch(/^github-api-url {2}\(not set\) {2}base of the GitHub API/);
    expect(await home.pysync(['config', name])).toEqual({
      stdout: '',
      stderr: 'github-api-url is not set\n',
      exitCode: 0,
    });
    expect(parseJson(await home.pysync(['config', '--json']))).toMatchObject({ [name]: null });
    expect(await home.snapshot()).toBe(before);
  });

  it('keeps a value until it is unset', async () => {
    expect(await home.pysync(['config', name, url])).toMatchObject({ exitCode: 0 });
    expect((await home.pysync(['config', name])).stdout).toBe(`${url}\n`);
    expect(parseJson(await home.pysync(['config', name, '--json']))).toEqual({ [name]: url });
    expect(home.read('.config/pysync/config.json')).toContain(url);
    expect(await home.pysync(['config', name, '--unset'])).toMatchObject({ exitCode: 0 });
    expect((await home.pysync(['config', name])).stdout).toBe('');
  });

  it('reads set, get and unset in front of the name as the same', async () => {
    expect(await home.pysync(['config', 'set', name, url])).toMatchObject({ exitCode: 0 });
    expect((await home.pysync(['config', 'get', name])).stdout).toBe(`${url}\n`);
    expect(await home.pysync(['config', 'unset', name])).toMatchObject({ exitCode: 0 });
    expect((await home.pysync(['config', name])).stdout).toBe('');
    for (const words of [['set'], ['set', name], ['get'], ['unset', name, url], [name, url, url]]) {
      expect(await home.pysync(['config', ...words])).toMatchObject({ stdout: '', exitCode: 2 });
    }
  });

  it('takes a program only that nobody else can change, and limits that are ones', async () => {
    const wrong = async (...words: string[]): Promise<string> => {
      const { stderr, exitCode } = await home.pysync(['config', 'set', ...words]);
      expect(exitCode).toBe(2);
      return stderr;
    };
    const program = home.write('bin/tell', '#!/bin/sh\n', 0o755);
    expect((await home.pysync(['config', 'on-received', program])).stdout).toBe(`${program}\n`);
    expect(await wrong('on-received', 'bin/tell')).toContain('is not an absolute path');
    expect(await wrong('on-received', `${program} --now`)).toContain('is not there');
    expect(await wrong('on-received', home.write('text', ''))).toContain('is not executable');
    expect(await wrong('on-received', home.path('bin'))).toContain('is not a file');
    chmodSync(program, 0o757);
    expect(await wrong('on-received', program)).toContain('can be changed by others');
    chmodSync(program, 0o755);
    chmodSync(home.path('bin'), 0o777);
    expect(await wrong('on-received', program)).toContain(
      `: ${home.path('bin')} can be written by`,
    );
    expect(await wrong('log-count', '0')).toContain('is not a whole number');
    expect(await wrong('log-days', '3.5')).toContain('is not a whole number');
    expect(await wrong('log-size', '1K')).toContain('at least 1M');
    expect(await wrong('notify', 'yes')).toContain('notify is on or off');
  });

  it('keeps it where XDG_CONFIG_HOME says', async () => {
    const env = { XDG_CONFIG_HOME: home.path('elsewhere') };
    await home.pysync(['config', name, url], { env });
    expect(home.read('elsewhere/pysync/config.json')).toContain(url);
    expect((await home.pysync(['config', name])).stdout).toBe('');
  });

  it('refuses what is no preference, and no value for one', async () => {
    const wrong = async (...args: string[]): Promise<string> => {
      const { stdout, stderr, exitCode } = await home.pysync(['config', ...args]);
      expect({ stdout, exitCode }).toEqual({ stdout: '', exitCode: 2 });
      return stderr;
    };
    expect(await wrong('colour')).toContain(`there are: ${name}`);
    expect(await wrong(name, 'http://github.example')).toContain('is not an https:// URL');
    expect(await wrong('--unset')).toContain('--unset needs the name of one preference');
    expect(await wrong(name, url, '--unset')).toContain('and no value');
  });

  it.each(['{"github-api-url": ', '{"github-api-url": 5}'])(
    'names the file that cannot be read: %s',
    async (content) => {
      home.write('.config/pysync/config.json', content);
      const { stderr, exitCode } = await home.pysync(['-i', ed25519Line()]);
      expect(exitCode).toBe(1);
      expect(stderr).toBe(
        'pysync: the preferences cannot be read\n' +
          `  fix or remove ${home.path('.config/pysync/config.json')}\n`,
      );
      expect(home.keyLines()).toEqual([]);
    },
  );

  it('names the file that cannot be written', async () => {
    const env = { XDG_CONFIG_HOME: '/etc' };
    const { stderr, exitCode } = await home.pysync(['config', name, url], { env });
    expect(exitCode).toBe(1);
    expect(stderr).toContain('could not open /etc/pysync/config.json: permission denied');
  });
});
