/**
 * The package as a stranger gets it: packed, installed into an empty prefix, and used from there by
 * an ordinary user. The packages it needs come from npm's cache or its registry.
 */
import {
  chmodSync,
  cpSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, expect, inject, it } from 'vitest';
import { createAccount } from '../helpers/account.js';
import type { Account } from '../helpers/account.js';
import { mustExec, systemPath } from '../helpers/exec.js';
import type { ExecResult } from '../helpers/exec.js';
import { ed25519Line } from '../helpers/key-blob.js';
import { createPeer } from '../helpers/peer.js';
import { startSshd } from '../helpers/sshd.js';
import { createTemporaryFolder } from '../helpers/tmp.js';

const checkout = dirname(dirname(dirname(fileURLToPath(import.meta.url))));

let account: Account;
let prefix: string;
/** Paths in the tarball, without those of the packages that come with it. */
let packed: string[];
/** The packages that come with it, and what is in them. */
let bundled: string[];

beforeAll(async () => {
  account = await createAccount();
  const folder = createTemporaryFolder().path;
  const project = join(folder, 'project');
  // Links will do for node_modules, which is large; npm finds what it bundles only in real folders.
  await mustExec(['cp', '-al', inject('program'), project]);
  for (const name of [
    'docs',
    'patches',
    'src',
    'tools',
    'LICENSE',
    'README.md',
    'package-lock.json',
    'tsconfig.json',
  ]) {
    cpSync(join(checkout, name), join(project, name), { recursive: true });
  }
  const forBuild = [
    'typescript',
    '@types/node',
    '@types/ssh2',
    '@types/bytes',
    'patch-package',
    '.bin',
  ];
  for (const name of forBuild) {
    symlinkSync(join(checkout, 'node_modules', name), join(project, 'node_modules', name));
  }
  // As npm has it from the registry, so that packing has to patch it.
  const ssh2 = join(project, 'node_modules/ssh2');
  rmSync(ssh2, { recursive: true });
  cpSync(join(checkout, 'node_modules/ssh2'), ssh2, { recursive: true });
  const patchPackage = join(project, 'node_modules/patch-package/index.js');
  await mustExec([process.execPath, patchPackage, '--reverse'], { cwd: project });
  expect(readFileSync(join(ssh2, 'package.json'), 'utf8')).toContain('cpu-features');
  // What an earlier version has left in dist.
  writeFileSync(join(project, 'dist/stale.js'), '');
  const { stdout } = await npm(['pack', '--json', '--pack-destination', folder], project);
  const [result] = JSON.parse(stdout.slice(stdout.indexOf('[\n'))) as [
    { filename: string; files: { path: string }[] },
  ];
  const paths = result.files.map(({ path }) => path);
  packed = paths.filter((path) => !path.startsWith('node_modules/'));
  bundled = paths.filter((path) => path.startsWith('node_modules/'));

  prefix = join(folder, 'prefix');
  mkdirSync(prefix);
  chmodSync(folder, 0o755);
  // Node older than a package asks for is an error here, and scripts of packages are not needed.
  const strictly = ['--engine-strict', '--ignore-scripts', '--prefer-offline'];
  await npm(
    ['install', '--global', '--prefix', prefix, ...strictly, join(folder, result.filename)],
    folder,
  );
}, 180_000);

afterAll(() => account.remove());

/** npm as the person who runs the tests has it, but for what the npm that runs them has set. */
function npm(args: readonly string[], cwd: string): Promise<ExecResult> {
  const own = Object.entries(process.env).filter(([name]) => !name.startsWith('npm_'));
  const env = Object.fromEntries(own.map(([name, value]) => [name, value ?? '']));
  const quiet = ['--no-audit', '--no-fund', '--loglevel=error'];
  return mustExec(['npm', ...args, ...quiet], { cwd, env, timeoutMs: 120_000 });
}

/** The installed program, as its user calls it. */
function pysync(args: readonly string[], env: Record<string, string> = {}): Promise<ExecResult> {
  const path = [join(prefix, 'bin'), dirname(inject('node')), systemPath].join(':');
  return account.run(['pysync', ...args], { env: { PATH: path, ...env } });
}

it('holds what a user needs, and nothing else', () => {
  const wanted = ['LICENSE', 'README.md', 'package.json', 'bin/pysync.js', 'dist/cli.js'];
  expect(packed).toEqual(expect.arrayContaining([...wanted, 'dist/pysync.1', 'docs/sending.md']));
  const expected =
    /^(?:LICENSE|README\.md|package\.json|bin\/pysync\.js|dist\/.+\.(?:js|sh)|dist\/shell\/[a-z]+\.txt|dist\/pysync\.1|docs\/[a-z-]+\.md)$/;
  expect(packed.filter((path) => !expected.test(path))).toEqual([]);
  expect(packed).not.toContain('dist/stale.js');
});

it('brings ssh2 with all of its patches and with nothing to compile', async () => {
  const names = bundled.map((path) => /^node_modules\/((?:@[^/]+\/)?[^/]+)/.exec(path)?.[1]);
  const wanted = [
    'asn1',
    'bcrypt-pbkdf',
    'safer-buffer',
    'ssh2',
    'tweetnacl',
    '@noble/post-quantum',
  ];
  expect(names).toEqual(expect.arrayContaining(wanted));
  for (const name of ['cpu-features', 'nan', 'buildcheck', 'patch-package']) {
    expect(names).not.toContain(name);
  }
  expect(bundled.filter((path) => path.endsWith('.node'))).toEqual([]);

  const installed = join(prefix, 'lib/node_modules/pysync');
  const { missingPatches } = (await import(join(installed, 'dist/server/engine/patched.js'))) as {
    missingPatches: () => string[];
  };
  expect(missingPatches()).toEqual([]);
  for (const name of bundled.filter((path) => path.endsWith('package.json'))) {
    const { scripts } = JSON.parse(readFileSync(join(installed, name), 'utf8')) as {
      scripts?: Record<string, string>;
    };
    expect(Object.keys(scripts ?? {}).filter((script) => script.endsWith('install'))).toEqual([]);
  }
  const others = readdirSync(join(installed, 'node_modules'));
  expect(others.filter((name) => ['cpu-features', 'nan', 'buildcheck'].includes(name))).toEqual([]);
});

it('lets a peer in who sends with plain rsync, also after an upgrade', async () => {
  const sshd = await startSshd({ account });
  const peer = await createPeer({ sshd, account });
  const key = join(account.home, 'bob.pub');
  writeFileSync(key, peer.publicKey);
  const imported = await pysync(['-i', key]);
  expect(imported).toMatchObject({ exitCode: 0 });

  writeFileSync(join(peer.folder, 'big.iso'), 'all of it');
  const sent = await peer.rsync(['-a', 'big.iso', `${peer.target}:`]);
  expect(sent).toEqual({ stdout: '', stderr: '', exitCode: 0 });
  expect(readFileSync(join(account.home, 'public/big.iso'), 'utf8')).toBe('all of it');

  // What it relies on is in the prefix, and nothing of the checkout is in use.
  const launcherPath = join(account.home, '.local/share/pysync/launcher');
  const launcher = readFileSync(launcherPath, 'utf8');
  expect(launcher).toContain(`${prefix}/lib/node_modules/pysync/dist/session`);
  expect(launcher).not.toContain(checkout);

  // The settings of a version that wrote them in another way: the next transfer finds them out again.
  const settingsPath = join(account.home, '.local/share/pysync/settings.json');
  const settings = readFileSync(settingsPath, 'utf8');
  const older = settings.replace(/"format": \d+/, '"format": 0');
  expect(older).not.toBe(settings);
  writeFileSync(settingsPath, older);
  const again = await peer.rsync(['-a', 'big.iso', `${peer.target}:again.iso`]);
  expect(again).toEqual({ stdout: '', stderr: '', exitCode: 0 });
  expect(readFileSync(settingsPath, 'utf8')).toBe(settings);
  peer.remove();
  await sshd.stop();
});

it('imports from GitHub with the packages that come with it', async () => {
  const keyLine = ed25519Line('').trim();
  const server = createServer((request, response) => {
    const isKeys = request.url?.includes('/keys') === true;
    response.writeHead(200, { 'content-type': 'application/json' });
    response.end(JSON.stringify(isKeys ? [{ id: 1, key: keyLine }] : { login: 'octocat', id: 5 }));
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  const imported = await pysync(['-i', 'gh:octocat', '--dry-run'], { GITHUB_API_URL: url });
  server.closeAllConnections();
  server.close();
  expect(imported).toMatchObject({ exitCode: 0, stderr: '' });
  expect(imported.stdout).toContain(keyLine);
});

it('brings the man page to where man looks for it', () => {
  expect(readFileSync(join(prefix, 'share/man/man1/pysync.1'), 'utf8')).toContain('.Dt PYSYNC 1');
});
