import {
  appendFileSync,
  chmodSync,
  chownSync,
  lchownSync,
  linkSync,
  lstatSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import { beforeAll, beforeEach, describe, expect, inject, it } from 'vitest';
import { replaceFile } from '../../../src/system/files.js';
import { readIfThere } from '../../../src/system/snapshot.js';
import { exec, mustExec, type ExecOptions, type ExecResult } from '../../helpers/exec.js';
import { isRoot, needsRoot } from '../../helpers/root.js';
import { createTemporaryFolder } from '../../helpers/tmp.js';

const nobody = { uid: 65534, gid: 65534 };

let folder: string;
let file: string;

beforeEach(() => {
  folder = createTemporaryFolder().path;
  file = join(folder, 'file');
});

const append = (content: Buffer | undefined): Buffer =>
  Buffer.concat([content ?? Buffer.alloc(0), Buffer.from('new\n')]);

/** Appends a line, or `size` bytes, to the file in a process of its own; prints how it failed. */
function appendElsewhere(
  options: { before?: string; size?: number } & Pick<ExecOptions, 'as'> = {},
): Promise<ExecResult> {
  const module = join(inject('program'), 'dist/system/files.js');
  const text = `import { replaceFile } from ${JSON.stringify(module)};
    const added = Buffer.alloc(${options.size ?? 4}, 'new\\n');
    await replaceFile(${JSON.stringify(file)}, (old) => Buffer.concat([old ?? added, added]))
      .catch((error) => console.log(error.code + ': ' + error.message));`;
  const node = [inject('node'), '--input-type=module', '-e', text];
  const { before, as } = options;
  if (before === undefined) return exec(node, as === undefined ? {} : { as });
  // A mount namespace of its own, and where needed a user namespace to be allowed one.
  const unshare = ['unshare', ...(isRoot ? ['-m'] : ['-Urm'])];
  return exec([...unshare, 'sh', '-c', `${before} && "$@"; ls -A ${folder} >&2`, 'sh', ...node]);
}

describe('replaceFile', () => {
  it('creates a file for its owner alone', async () => {
    expect(await replaceFile(file, append)).toEqual({ written: true });
    expect(readFileSync(file, 'utf8')).toBe('new\n');
    expect(statSync(file).mode & 0o7777).toBe(0o600);
    expect(readdirSync(folder)).toEqual(['file']);
  });

  it('creates a file with the mode that is asked for, whatever the umask', async () => {
    await replaceFile(file, append, { mode: 0o666 });
    expect(statSync(file).mode & 0o7777).toBe(0o666);
  });

  it('keeps the mode', async () => {
    writeFileSync(file, 'old\n');
    chmodSync(file, 0o464);
    await replaceFile(file, append);
    expect(readFileSync(file, 'utf8')).toBe('old\nnew\n');
    expect(statSync(file).mode & 0o7777).toBe(0o464);
  });

  it('writes nothing where nothing changes, or the edit says to leave it', async () => {
    writeFileSync(file, 'old\n');
    const { ino, mtimeMs } = statSync(file);
    expect(await replaceFile(file, () => Buffer.from('old\n'))).toEqual({ written: false });
    expect(await replaceFile(file, () => undefined)).toEqual({ written: false });
    expect(statSync(file)).toMatchObject({ ino, mtimeMs });
    expect(await replaceFile(join(folder, 'b'), () => undefined)).toEqual({ written: false });
    expect(readdirSync(folder)).toEqual(['file']);
  });

  it('lets an error of the edit through and leaves all as it was', async () => {
    writeFileSync(file, 'old\n');
    const edit = (): Buffer => {
      throw new Error('no');
    };
    await expect(replaceFile(file, edit)).rejects.toThrow('no');
    expect(readFileSync(file, 'utf8')).toBe('old\n');
    expect(readdirSync(folder)).toEqual(['file']);
  });

  it('sweeps away what crashed runs left, and nothing that only looks similar', async () => {
    const litter = `.file.pysync-${'0'.repeat(16)}.tmp`;
    const others = ['.file.pysync-x.tmp', `.other.pysync-${'0'.repeat(16)}.tmp`, '.file.swp'];
    for (const name of [litter, ...others]) writeFileSync(join(folder, name), '');
    await replaceFile(file, append);
    expect(readdirSync(folder).sort()).toEqual([...others, 'file'].sort());
  });

  const meanwhile: [string, () => void, string][] = [
    [
      'written',
      () => {
        appendFileSync(file, 'theirs\n');
      },
      'old\ntheirs\nnew\n',
    ],
    [
      'replaced',
      () => {
        writeFileSync(`${file}2`, 'theirs\n');
        renameSync(`${file}2`, file);
      },
      'theirs\nnew\n',
    ],
    [
      'removed',
      () => {
        rmSync(file);
      },
      'new\n',
    ],
  ];
  it.each(meanwhile)(
    'starts over on the new content of a file that was %s',
    async (_, act, result) => {
      writeFileSync(file, 'old\n');
      let calls = 0;
      await replaceFile(file, (content) => {
        calls += 1;
        if (calls === 1) act();
        return append(content);
      });
      expect(calls).toBe(2);
      expect(readFileSync(file, 'utf8')).toBe(result);
      expect(readdirSync(folder)).toEqual(['file']);
    },
  );

  it('starts over where the file appeared or its mode changed meanwhile', async () => {
    let calls = 0;
    await replaceFile(file, (content) => {
      calls += 1;
      if (calls === 1) writeFileSync(file, 'theirs\n', { mode: 0o600 });
      if (calls === 2) chmodSync(file, 0o640);
      return append(content);
    });
    expect(calls).toBe(3);
    expect(readFileSync(file, 'utf8')).toBe('theirs\nnew\n');
    expect(statSync(file).mode & 0o7777).toBe(0o640);
  });

  it('gives up on a file that never stops changing', async () => {
    const edit = (content: Buffer | undefined): Buffer => {
      appendFileSync(file, 'x');
      return append(content);
    };
    await expect(replaceFile(file, edit)).rejects.toMatchObject({ code: 'FILE_KEEPS_CHANGING' });
    expect(readFileSync(file, 'utf8')).toBe('x'.repeat(10));
    expect(readdirSync(folder)).toEqual(['file']);
  });

  it('refuses what is no regular file, without waiting for it', async () => {
    mkdirSync(file);
    await expect(replaceFile(file, append)).rejects.toMatchObject({ code: 'FILE_NOT_REGULAR' });
    await expect(readIfThere(file)).rejects.toMatchObject({ code: 'FILE_NOT_REGULAR' });
    const fifo = join(folder, 'fifo');
    await mustExec(['mkfifo', fifo]);
    await expect(replaceFile(fifo, append)).rejects.toThrow(/is not a regular file/);
    await expect(replaceFile('/dev/full', append)).rejects.toThrow(/is not a regular file/);
    expect(readdirSync(folder).sort()).toEqual(['fifo', 'file']);
  });

  it('says in a sentence that the directory is missing or none', async () => {
    await expect(replaceFile(join(folder, 'a/b'), append)).rejects.toThrow(
      /^could not write .*: no such file or directory$/,
    );
    writeFileSync(file, 'old\n');
    await expect(replaceFile(join(file, 'b'), append)).rejects.toThrow(/not a directory$/);
    expect(await readIfThere(join(folder, 'a/b'))).toBeUndefined();
  });
});

describe('replaceFile on symbolic links', () => {
  beforeEach(() => {
    mkdirSync(join(folder, 'dots/ssh'), { recursive: true });
    symlinkSync('dots/ssh', join(folder, 'ssh'));
  });

  it('replaces the file at the end of a chain, and no link', async () => {
    const target = join(folder, 'dots/target');
    writeFileSync(target, 'old\n');
    // `..` after a link to a directory is the parent of where that leads.
    symlinkSync('ssh/../target', join(folder, 'second'));
    symlinkSync(join(folder, 'second'), file);
    await replaceFile(file, append);
    expect(readFileSync(target, 'utf8')).toBe('old\nnew\n');
    expect(lstatSync(target).isFile()).toBe(true);
    expect(lstatSync(file).isSymbolicLink()).toBe(true);
    expect(lstatSync(join(folder, 'second')).isSymbolicLink()).toBe(true);
    expect(readdirSync(join(folder, 'dots')).sort()).toEqual(['ssh', 'target']);
  });

  it('creates the missing target of a link', async () => {
    symlinkSync('ssh/target', file);
    expect(await readIfThere(file)).toBeUndefined();
    await replaceFile(file, append);
    expect(readFileSync(join(folder, 'dots/ssh/target'), 'utf8')).toBe('new\n');
    expect(lstatSync(file).isSymbolicLink()).toBe(true);
  });

  it('says in a sentence that links lead nowhere or in a circle', async () => {
    symlinkSync('nowhere/target', file);
    await expect(replaceFile(file, append)).rejects.toThrow(/no such file or directory$/);
    symlinkSync('loop2', join(folder, 'loop1'));
    symlinkSync('loop1', join(folder, 'loop2'));
    const loop = replaceFile(join(folder, 'loop1'), append);
    await expect(loop).rejects.toThrow(/its symbolic links lead in a circle$/);
  });

  it('leaves other hard links of the file with the old content', async () => {
    writeFileSync(file, 'old\n');
    linkSync(file, join(folder, 'other'));
    await replaceFile(file, append);
    expect(readFileSync(join(folder, 'other'), 'utf8')).toBe('old\n');
  });
});

describe('replaceFile where it may not write', () => {
  beforeEach(() => {
    writeFileSync(file, 'old\n', { mode: 0o644 });
  });

  function expectUntouched(names: string[] = ['file']): void {
    expect(readFileSync(file, 'utf8')).toBe('old\n');
    expect(readdirSync(folder)).toEqual(names);
  }

  it('says that a directory is closed to it', async () => {
    chmodSync(folder, 0o555);
    const { stdout } = await appendElsewhere({ as: isRoot ? nobody : userIds() });
    chmodSync(folder, 0o755);
    expect(stdout).toMatch(/^FILE_FAILED: could not make the lock .*: permission denied\n$/);
    expectUntouched();
  });

  it('says that it may not read the file', async () => {
    chmodSync(folder, 0o777);
    chmodSync(file, 0o000);
    const { stdout } = await appendElsewhere({ as: isRoot ? nobody : userIds() });
    chmodSync(file, 0o644);
    expect(stdout).toMatch(/^FILE_FAILED: could not write .*: permission denied\n$/);
    expectUntouched();
  });

  it('says that a file system is read-only', async () => {
    const before = `mount --bind ${folder} ${folder} && mount -o remount,ro,bind ${folder}`;
    const { stdout } = await appendElsewhere({ before });
    expect(stdout).toMatch(/^FILE_FAILED: .*: its file system is mounted read-only\n$/);
    expectUntouched();
  });

  it('says that a disk is full, and tidies up', async () => {
    const before = `mount -t tmpfs -o size=64k tmpfs ${folder} && printf 'old\\n' > ${file}`;
    const { stdout, stderr } = await appendElsewhere({ before, size: 100_000 });
    expect(stdout).toMatch(/^FILE_FAILED: could not write .*: no space left on its disk\n$/);
    expect(stderr).toBe('file\n');
  });
});

describe('replaceFile and owners', () => {
  beforeAll(() => {
    needsRoot('a file of another user');
  });
  const bob = { uid: 54_321, gid: 54_322 };

  it('keeps another user’s file his', async () => {
    writeFileSync(file, 'old\n', { mode: 0o640 });
    chownSync(file, bob.uid, bob.gid);
    await replaceFile(file, append);
    expect(statSync(file)).toMatchObject(bob);
    expect(statSync(file).mode & 0o7777).toBe(0o640);
  });

  it('gives a new file to the owner of its directory', async () => {
    chownSync(folder, bob.uid, bob.gid);
    await replaceFile(file, append);
    expect(statSync(file)).toMatchObject(bob);
  });

  it('does not follow a user’s link to what is not that user’s', async () => {
    const theirs = join(folder, 'theirs');
    mkdirSync(theirs);
    chownSync(theirs, bob.uid, bob.gid);
    writeFileSync(file, 'old\n');
    const link = join(theirs, 'link');
    for (const target of [file, join(folder, 'missing')]) {
      symlinkSync(target, link);
      lchownSync(link, bob.uid, bob.gid);
      await expect(replaceFile(link, append)).rejects.toMatchObject({ code: 'FILE_LINK_OWNER' });
      await expect(readIfThere(link)).rejects.toMatchObject({ code: 'FILE_LINK_OWNER' });
      rmSync(link);
    }
    expect(readFileSync(file, 'utf8')).toBe('old\n');
    expect(readdirSync(folder).sort()).toEqual(['file', 'theirs']);
    // The same link is good where both ends are his.
    chownSync(file, bob.uid, bob.gid);
    symlinkSync(file, link);
    lchownSync(link, bob.uid, bob.gid);
    expect(await replaceFile(link, append)).toEqual({ written: true });
  });

  it('refuses to take a file over from its owner', async () => {
    chmodSync(folder, 0o777);
    writeFileSync(file, 'old\n', { mode: 0o644 });
    const { stdout } = await appendElsewhere({ as: nobody });
    expect(stdout).toMatch(/^FILE_OWNER: the file to be replaced belongs to user 0\n$/);
    expect(readFileSync(file, 'utf8')).toBe('old\n');
    expect(readdirSync(folder)).toEqual(['file']);
  });

  it('gives a group that it cannot keep no rights', async () => {
    chmodSync(folder, 0o777);
    writeFileSync(file, 'old\n');
    chmodSync(file, 0o664);
    chownSync(file, nobody.uid, bob.gid);
    const { stdout } = await appendElsewhere({ as: nobody });
    expect(stdout).toBe('');
    expect(statSync(file)).toMatchObject(nobody);
    expect(statSync(file).mode & 0o7777).toBe(0o644);
  });
});

function userIds(): { uid: number; gid: number } {
  return { uid: process.getuid?.() ?? -1, gid: process.getgid?.() ?? -1 };
}
