/**
 * An image to mount, in a mount namespace of the test's own: what is mounted there, or
 * replaces /dev or /etc, is seen by nobody else and is gone with it, however the test ends. Only
 * root can make one; for others the machine's own serves.
 */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { writeFileSync } from 'node:fs';
import { basename, join } from 'node:path';
import { inject } from 'vitest';
import type { MountRequest } from '../../src/volume/mounts/mount.js';
import { exec, mustExec, wrap } from './exec.js';
import type { ExecOptions, ExecResult, Ids } from './exec.js';
import { isRoot } from './root.js';
import { createTemporaryFolder, waitFor } from './tmp.js';

export interface MountSpace {
  readonly user: Ids;
  /** The user's own; holds the image and the mount point, whose names have spaces. */
  readonly folder: string;
  readonly request: MountRequest;
  /** Runs a command in the namespace, as the user or as `options.as`. */
  exec(argv: readonly string[], options?: ExecOptions): Promise<ExecResult>;
  /** Runs a shell script there, with the mount point as `$1`. */
  sh(script: string, options?: ExecOptions): Promise<ExecResult>;
  /** Starts a script that makes `$1/started`, waits for that; gives how to end it. */
  background(script: string): Promise<() => Promise<unknown>>;
  /**
   * Evaluates an expression on `module`, a file of the built program below dist, and `values`:
   * what it gives, or the code and message of what it throws.
   */
  evaluate(
    module: string,
    expression: string,
    values: readonly unknown[],
    options?: ExecOptions,
  ): Promise<unknown>;
  /** Calls a way of mounting; `changes` are to the request. */
  call(
    what: 'mount' | 'unmount' | 'obstacle',
    method: string,
    changes?: Partial<MountRequest>,
    options?: ExecOptions,
  ): Promise<unknown>;
  state(): Promise<unknown>;
  /**
   * Gives the namespace an /etc of its own, with this fstab, and returns where it lies. All of it,
   * as a file that is itself a mount point cannot be replaced by rename.
   */
  takeEtc(fstab: string | Uint8Array): Promise<string>;
  /**
   * Has a shell script run in the place of a tool, whose own program is `$real` there; needs root. What
   * waits in it or changes things does so at the very moment, and no race has to be won.
   */
  standIn(tool: string, script: string): Promise<void>;
  close(): Promise<void>;
}

const evaluator = `
const [file, expression, values] = process.argv.slice(1);
const call = new Function('module', 'values', 'return ' + expression);
Promise.resolve().then(() => call(require(file), JSON.parse(values))).then(
  (value) => console.log(JSON.stringify(value ?? null)),
  ({ code, message, stack }) => {
    if (code === undefined) throw new Error(stack);
    console.log(JSON.stringify({ code, message }));
  },
);`;

export async function createMountSpace(user: Ids): Promise<MountSpace> {
  const { enter, leave } = isRoot ? await unshare() : shared;
  const folder = createTemporaryFolder(user).path;
  const request = await makeImage(folder, user);
  const inBackground = new Set<() => Promise<unknown>>();
  const space: MountSpace = {
    user,
    folder,
    request,
    exec: (argv, { as = user, ...options } = {}) =>
      exec([...enter, ...wrap(argv, { as })], options),
    sh: (script, options) => space.exec(['sh', '-c', script, 'sh', request.mountPoint], options),
    background: async (script) => {
      const controller = new AbortController();
      const { signal } = controller;
      const running = space.sh(script, { signal, timeoutMs: 600_000 });
      const end = (): Promise<unknown> => {
        controller.abort();
        return running;
      };
      inBackground.add(end);
      const hasStarted = async () => (await space.sh('test -e "$1/started"')).exitCode === 0;
      await waitFor(`the start of: ${script}`, hasStarted);
      return end;
    },
    evaluate: async (module, expression, values, options) => {
      const file = join(inject('program'), `dist/${module}.js`);
      const argv = [inject('node'), '-e', evaluator, file, expression, JSON.stringify(values)];
      const { stdout, stderr, exitCode } = await space.exec(argv, options);
      if (exitCode !== 0) throw new Error(stderr);
      return JSON.parse(stdout) as unknown;
    },
    call: (what, method, changes = {}, options = {}) => {
      const expression = 'module.mountMethod(values[0])[values[1]](values[2])';
      const values = [method, what, { ...request, ...changes }];
      return space.evaluate('volume/mounts/index', expression, values, options);
    },
    state: () => {
      const values = [request.mountPoint, request.image];
      return space.evaluate('volume/mount-table', 'module.isMountedFrom(...values)', values);
    },
    takeEtc: async (fstab) => {
      const copy = join(folder, 'etc');
      // Without what useradd makes and removes there while it adds somebody for another test.
      const script = String.raw`test -d "$0" || { mkdir -m 755 "$0" &&
        find /etc -mindepth 1 -maxdepth 1 ! \( -type f -regex '.*\(\.lock\|\.[0-9]+\|\+\)' \) \
          -exec cp -a -t "$0" {} + && mount --bind "$0" /etc; }`;
      const argv = ['sh', '-c', script, copy];
      const { exitCode, stderr } = await space.exec(argv, { as: { uid: 0, gid: 0 } });
      if (exitCode !== 0) throw new Error(stderr);
      writeFileSync(join(copy, 'fstab'), fstab);
      return copy;
    },
    standIn: async (tool, script) => {
      const [real, stub] = [`real-${basename(tool)}`, `stub-${basename(tool)}`].map((name) =>
        join(folder, name),
      );
      await mustExec(['cp', '-a', tool, real ?? '']);
      writeFileSync(stub ?? '', `#!/bin/sh\nreal='${real ?? ''}'\n${script}\n`, { mode: 0o755 });
      const argv = ['mount', '--bind', stub ?? '', tool];
      const { exitCode, stderr } = await space.exec(argv, { as: { uid: 0, gid: 0 } });
      if (exitCode !== 0) throw new Error(stderr);
    },
    close: async () => {
      await Promise.all([...inBackground].map((end) => end()));
      if (enter.length === 0) await exec(['fusermount3', '-u', '-z', request.mountPoint]);
      leave();
    },
  };
  return space;
}

async function makeImage(folder: string, as: Ids): Promise<MountRequest> {
  const [image, mountPoint] = [join(folder, 'an image.img'), join(folder, 'a share')];
  const layout = ['-t', 'ext4', '-b', '4096', '-m', '0', '-J', 'size=4'];
  const owner = ['-E', `nodiscard,root_owner=${as.uid}:${as.gid}`];
  await mustExec(['fallocate', '-l', '64M', image], { as });
  await mustExec(['mke2fs', '-q', '-F', ...layout, ...owner, image], { as });
  await mustExec(['tune2fs', '-r', '64', image], { as });
  await mustExec(['debugfs', '-w', '-R', 'rmdir lost+found', image], { as });
  await mustExec(['mkdir', mountPoint], { as });
  return { image, mountPoint, imageLock: `${image}.lock` };
}

const shared = { enter: [] as string[], leave: () => undefined };

async function unshare(): Promise<{ enter: string[]; leave: () => void }> {
  // It ends with its standard input; the folder's name lets the tear-down find it too.
  const script = ['sh', '-c', 'echo ready; read -r line', inject('runFolder')];
  const holder = spawn('unshare', ['--mount', '--propagation', 'private', ...script], {
    stdio: ['pipe', 'pipe', 'inherit'],
  });
  await once(holder.stdout, 'data');
  const enter = ['nsenter', `--mount=/proc/${holder.pid ?? 0}/ns/mnt`, '--'];
  return { enter, leave: () => holder.stdin.end() };
}
