/** What `pysync -i` refuses: a sentence, a way out, exit status 1, and nothing touched. */
import { symlinkSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { mustExec } from '../../helpers/exec.js';
import { useHome } from '../../helpers/home.js';
import { ed25519Line } from '../../helpers/key-blob.js';

const home = useHome();

/** Runs pysync, expects that it refuses and leaves the home as it was, and gives what it says. */
async function refusal(...args: readonly string[]): Promise<string> {
  const before = await home.snapshot();
  const { stdout, stderr, exitCode } = await home.pysync(args);
  expect({ stdout, exitCode }).toEqual({ stdout: '', exitCode: 1 });
  expect(stderr).toMatch(/^pysync: /);
  expect(await home.snapshot()).toBe(before);
  return stderr;
}

describe('a source without a good key', () => {
  it('is refused with the reason for its one line', async () => {
    home.write('bob.pub', 'hello\n');
    expect(await refusal('-i', 'bob.pub')).toBe(
      "pysync: 'bob.pub', line 1: this is not a public key\n" +
        "  a public key is one long line such as 'ssh-ed25519 AAAA… name'\n",
    );
  });

  it('is refused with the reasons for some of its lines, however many it has', async () => {
    home.write('holiday.jpg', Buffer.from(Array.from({ length: 60_000 }, (_, i) => (i * 7) % 251)));
    const said = await refusal('-i', 'holiday.jpg');
    expect(said).toContain("'holiday.jpg' holds no key that can be imported\n  line 1: ");
    expect(said).toMatch(/\n {2}and \d+ more\n/);
    expect(said.split('\n').length).toBeLessThan(15);
  });

  it('is refused where it is a private key, and the public one beside it is named', async () => {
    await home.account.run(['ssh-keygen', '-q', '-t', 'ed25519', '-N', '', '-f', 'id_bob']);
    expect(await refusal('-i', 'id_bob')).toBe(
      "pysync: 'id_bob' is a private key\n" +
        '  import the public key beside it: pysync -i id_bob.pub\n',
    );
  });

  it('is refused where it is an RSA key that is too short', async () => {
    const make = ['ssh-keygen', '-q', '-t', 'rsa', '-b', '1024', '-N', '', '-f', 'short'];
    await home.account.run(make);
    const said = await refusal('-i', 'short.pub');
    expect(said).toContain('this RSA key has 1024 bits, and 2048 is the least that is safe');
    expect(said).toContain('ssh-keygen -t ed25519');
  });

  it('keeps the good sources of the same command out, too', async () => {
    home.write('bad.pub', 'hello\n');
    expect(await refusal('-i', ed25519Line(), '-i', 'bad.pub')).toContain("'bad.pub', line 1");
    expect(await refusal('-i', ed25519Line(), '-i', 'none.pub')).toContain(
      "there is no file 'none.pub'",
    );
  });

  it('is shown without what a terminal would obey', async () => {
    home.write('\u001b[31mred.pub', 'hello\n');
    const said = await refusal('-i', '\u001b[31mred.pub');
    expect(said).toContain("'\\u001b[31mred.pub'");
    expect(said).not.toContain('\u001b');
  });
});

describe('a key that lets its owner in already', () => {
  it.each(['authorized_keys', 'authorized_keys2'])(
    'is refused where ~/.ssh/%s does not restrict it',
    async (name) => {
      const key = ed25519Line();
      home.write(`.ssh/${name}`, `# mine\n${key}\n`, 0o600);
      for (const options of [[], ['--dry-run'], ['--size', '1G']]) {
        const said = await refusal('-i', ed25519Line(), '-i', key, ...options);
        expect(said).toContain('without pysync’s restriction, by line 2 of');
        expect(said).toContain(home.path(`.ssh/${name}\n`));
        expect(said).toContain('remove that line, then run the command again');
      }
    },
  );
});

describe('a folder of pysync’s own that cannot be made', () => {
  it.each(['XDG_DATA_HOME', 'XDG_STATE_HOME'])('keeps the key out: %s', async (name) => {
    const env = { [name]: '/etc' };
    const { stderr, exitCode } = await home.pysync(['-i', ed25519Line()], { env });
    expect(exitCode).toBe(1);
    expect(stderr).toMatch(/^pysync: could not make \/etc\/pysync\S*: permission denied\n/);
    expect(home.keyLines()).toEqual([]);
  });
});

describe('a folder that is no place for a share', () => {
  const unsafe: readonly (readonly [string, RegExp])[] = [
    ['.', /it holds your home directory/],
    ['/', /it holds your home directory/],
    ['.ssh/in/here', /it holds ssh keys/],
    ['.config', /it holds the settings of your programs/],
    ['.local', /programs are run from there|it holds pysync's own files/],
    ['.local/state/pysync/log', /it holds pysync's own files/],
    ['/etc/ssh/new', /it belongs to the system/],
    ['/proc/self', /it belongs to the system/],
    ['back\\slash', /a backslash or a control character/],
    ['new\nline', /'\/.*new\\nline' cannot be a share/],
  ];

  it.each(unsafe)('is refused: %j', async (folder, reason) => {
    const said = await refusal('-i', ed25519Line(), '--dir', folder);
    expect(said).toMatch(reason);
    expect(said).toContain('--dir');
  });

  it('is refused behind a symbolic link, too', async () => {
    home.write('.ssh/config', '');
    symlinkSync('.ssh', home.path('public'));
    expect(await refusal('-i', ed25519Line())).toContain('it holds ssh keys');
  });

  it('is refused where it is a file', async () => {
    home.write('public', '');
    expect(await refusal('-i', ed25519Line())).toContain('cannot be used: it is not a folder');
    expect(await refusal('-i', ed25519Line(), '--dir', 'public/inside')).toContain(
      'it is not a folder',
    );
  });

  it('is refused where it depends on a folder that is gone', async () => {
    const script = 'mkdir gone && cd gone && rmdir ../gone && exec "$@"';
    const args = ['-i', ed25519Line(), '--dir', 'here'];
    const { stderr, exitCode } = await home.inShell(script, args);
    expect(exitCode).toBe(1);
    expect(stderr).toContain('pysync: the folder you are in is gone\n');
  });

  it('is refused where the account may not write', async () => {
    home.write('locked/file', '');
    await mustExec(['chmod', '500', home.path('locked')]);
    for (const folder of ['locked', 'locked/inside', '/var/lib/pysync-test']) {
      expect(await refusal('-i', ed25519Line(), '--dir', folder)).toContain(
        'cannot be used: you may not write there',
      );
    }
  });
});
