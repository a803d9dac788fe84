/** `pysync config`: the preferences, and where they are kept. */
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
    expect(parseJson(await home.pysync(['config', '--json']))).toEqual({ [name]: null });
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
          `  mend or remove ${home.path('.config/pysync/config.json')}\n`,
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
