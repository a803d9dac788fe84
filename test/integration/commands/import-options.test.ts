/** What a key may do, as it is said on the command line and is then in `authorized_keys`. */
import { afterEach, describe, expect, it } from 'vitest';
import { useHome } from '../../helpers/home.js';
import { createHosts } from '../../helpers/hosts.js';
import { ed25519Line } from '../../helpers/key-blob.js';

const home = useHome();
const cleanups: (() => Promise<void>)[] = [];

afterEach(async () => {
  for (const cleanup of cleanups.splice(0)) await cleanup();
});

/** The options of the line that an import with `args` writes. */
async function optionsFor(...args: readonly string[]): Promise<string> {
  const { stderr, exitCode } = await home.pysync(['-i', ed25519Line(), ...args]);
  expect({ stderr, exitCode }).toEqual({ stderr: '', exitCode: 0 });
  return /^(.*") ssh-ed25519 /.exec(home.keyLines().at(-1) ?? '')?.[1] ?? '';
}

async function wrongUsage(...args: readonly string[]): Promise<string> {
  const before = await home.snapshot();
  const { stdout, stderr, exitCode } = await home.pysync(['-i', ed25519Line(), ...args]);
  expect({ stdout, exitCode }).toEqual({ stdout: '', exitCode: 2 });
  expect(await home.snapshot()).toBe(before);
  return stderr;
}

describe('--name, --access and --allow-delete', () => {
  it('are in the forced command', async () => {
    const options = await optionsFor(
      ...['--name', 'bob', '--access', 'read-write', '--allow-delete'],
      ...['--dir', 'from bob'],
    );
    expect(options).toMatch(
      /^restrict,command="\S+\/pysync\/launcher --peer bob --key SHA256:\S{43} --share '.*\/from bob' --access read-write --allow-delete --source argument --imported 20\d\d-\S+Z"$/,
    );
    expect(home.mode('from bob')).toBe('700');
  });

  it.each(['write-only', 'read-only'])(
    '%s does not go together with leave to delete',
    async (access) => {
      const stderr = await wrongUsage('--access', access, '--allow-delete');
      expect(stderr).toContain(`--allow-delete does not go together with --access ${access}`);
    },
  );

  it('are refused with the words that would be right', async () => {
    expect(await wrongUsage('--access', 'readonly')).toBe(
      'pysync: --access readonly is not known\n  it is one of: read-write, read-only, write-only\n',
    );
    expect(await wrongUsage('--name', 'bob the builder')).toContain(
      'a name has up to 64 letters, digits and',
    );
    expect(await wrongUsage('--name', '')).toContain("--name '' cannot be used");
    expect(await wrongUsage('--dir', '')).toContain('--dir is empty');
    expect(await wrongUsage('--confine', 'bubblewrap')).toContain(
      'only --confine none has to be said',
    );
  });
});

describe('--from', () => {
  it('takes addresses and networks, and clears what is behind the mask', async () => {
    const options = await optionsFor('--from', '192.168.7.9/24, 10.1.2.3,fd00::1:2/64');
    expect(options).toContain('restrict,from="192.168.7.0/24,10.1.2.3,fd00::/64",command=');
  });

  it('takes lan for the networks this machine is in', async () => {
    const { receiver, ...hosts } = await createHosts();
    cleanups.push(() => hosts.remove());
    const { netns, address } = receiver;
    const key = ed25519Line();
    const imported = await home.pysync(['-i', key, '--from', 'lan'], { netns });
    expect(imported).toMatchObject({ stderr: '', exitCode: 0 });
    const network = address.replace(/\d+$/, '0/24');
    expect(home.keyLines()[0]).toContain(`restrict,from="${network}",command=`);
    expect(imported.stdout).toContain(`(read-write, from ${network}).`);
    expect(imported.stdout).toContain(
      `    rsync -avP -e 'ssh -p 9' FILE ${home.account.name}@${address}:`,
    );
  });

  it('is refused as what sshd could not read', async () => {
    expect(await wrongUsage('--from', '10.0.0.1,bob.example')).toBe(
      "pysync: --from 'bob.example' is neither an address nor a network\n" +
        '  write lan, or addresses as in 192.168.1.7,10.0.0.0/8\n',
    );
  });
});

describe('--expires', () => {
  /** What sshd reads as `YYYYMMDDHHMMSS` in the system's time. */
  const stamp = (date: Date): string => {
    const two = (value: number): string => String(value).padStart(2, '0');
    const day = `${date.getFullYear()}${two(date.getMonth() + 1)}${two(date.getDate())}`;
    return `${day}${two(date.getHours())}${two(date.getMinutes())}${two(date.getSeconds())}`;
  };

  it('takes a span of time', async () => {
    const inThirtyDays = (): string => stamp(new Date(Date.now() + 30 * 86_400_000));
    const earliest = inThirtyDays();
    const options = await optionsFor('--expires', '30d');
    const [, time = ''] = /^restrict,expiry-time="(\d{14})",command=/.exec(options) ?? [];
    expect(time >= earliest && time <= inThirtyDays()).toBe(true);
  });

  it('takes a date, and means the end of that day', async () => {
    expect(await optionsFor('--expires', '2099-02-28')).toContain('expiry-time="20990228235959"');
  });

  it('is refused in the past, and as what is no time', async () => {
    expect(await wrongUsage('--expires', '2020-01-01')).toContain('is in the past');
    expect(await wrongUsage('--expires', 'tomorrow')).toBe(
      "pysync: --expires 'tomorrow' is neither a time span nor a date\n" +
        '  write 12h, 30d, 2w, or a date as 2026-12-31\n',
    );
  });
});
