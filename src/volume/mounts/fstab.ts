/**
 * The line of /etc/fstab that lets an ordinary user mount one image on one directory through the
 * kernel. See fstab(5), and mount(8) on non-superuser mounts.
 *
 * What it grants: the user can have the kernel read an ext4 image that they themselves can write,
 * and any other file by putting a link to it in the image's place. So it is for people who could
 * become root anyway, which adding it takes.
 */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { text } from 'node:stream/consumers';
import { PysyncError } from '../../errors.js';
import { readLines } from '../../system/readable.js';
import { printable } from '../../system/text.js';
import { findTool, lookForTool } from '../../system/tools.js';
import type { MountRequest } from './mount.js';

/**
 * How the kernel mounts a volume.
 *
 * SECURITY: without nosuid, nodev and noexec an image that its user wrote would hold programs and
 * devices of root's (test/integration/volume/mount-failures.test.ts).
 *
 * noinit_itable: some seconds after it was mounted, the kernel would fill up inode tables that are
 * zeros here anyway. Where fuse2fs has left a volume empty, it takes the one without `lost+found`
 * for damaged, and notes an error in it ("Something is wrong with group 0").
 */
export const kernelOptions = 'loop,nosuid,nodev,noexec,noinit_itable';

const tail = ` ext4 user,noauto,${kernelOptions} 0 0`;

/** The line for this image and mount point. */
export function fstabLine({ image, mountPoint }: MountRequest): string {
  return `${escape(image)} ${escape(mountPoint)}${tail}`;
}

/** Whether /etc/fstab has just that line, and no other for the same mount point. */
export function hasFstabLine(request: MountRequest): boolean {
  const place = escape(request.mountPoint);
  const lines = readLines('/etc/fstab').filter((line) => line.trim().split(/\s+/)[1] === place);
  return lines.length === 1 && lines[0] === fstabLine(request);
}

/**
 * Adds the line, as root or through sudo, which asks for a password on a terminal; other lines stay
 * byte for byte. Throws PysyncError `FSTAB_FAILED`, with the file as it was.
 */
export async function addFstabLine(line: string): Promise<void> {
  await edit('add', line);
}

/** Takes the line out again; nothing happens where it is not there. Throws as `addFstabLine`. */
export async function removeFstabLine(line: string): Promise<void> {
  await edit('remove', line);
}

/** getmntent(3): what would end a field is `\` and three octal digits there. */
function escape(path: string): string {
  return path.replaceAll(
    /[ \t\n\r\\#]/g,
    (character) => `\\${character.charCodeAt(0).toString(8).padStart(3, '0')}`,
  );
}

/**
 * `$1` says what to do, `$2` is the line. As everywhere: lock, copy in the same folder, edit, fsync,
 * compare, rename. findmnt must not find more wrong with the new file than with the old one.
 */
const script = `
set -eu
umask 022
fstab=$(readlink -f /etc/fstab)
folder=$(dirname "$fstab")
exec 9<"$folder"
flock -w 30 9
old=$(mktemp) new=$(mktemp "$folder/.fstab.pysync.XXXXXXXX")
trap 'rm -f "$old" "$new"' EXIT
trap 'exit 130' HUP INT TERM
cat "$fstab" >"$old"
cp -a "$fstab" "$new"
has() { grep -aFxq -e "$1" "$2"; }
case $1 in
  add)
    if has "$2" "$old"; then exit 0; fi
    if [ -n "$(tail -c 1 "$old")" ]; then echo >>"$new"; fi
    printf '%s\\n' "$2" >>"$new"
    has "$2" "$new"
    ;;
  remove)
    if ! has "$2" "$old"; then exit 0; fi
    grep -aFxv -e "$2" "$old" >"$new" || [ $? -eq 1 ]
    ;;
esac
if findmnt --verify --tab-file "$old" >/dev/null 2>&1; then
  findmnt --verify --tab-file "$new" >&2
fi
sync "$new"
cmp -s "$fstab" "$old"
mv -f "$new" "$fstab"
sync "$folder"
`;

async function edit(what: 'add' | 'remove', line: string): Promise<void> {
  // SECURITY: it goes into a file that root obeys, so nothing but one line of ours does
  // (test/integration/volume/mount-failures.test.ts).
  if (!/^\/\S+ \/\S+$/.test(line.slice(0, -tail.length)) || !line.endsWith(tail)) {
    throw new TypeError('not a line made by fstabLine');
  }
  const [command = '', ...args] = [
    ...asRoot(what, line),
    ...[findTool('sh'), '-c', script, 'sh', what, line],
  ];
  // Not through system/run.ts, which gives a tool a session of its own and no terminal: sudo asks for
  // the password on the terminal, and remembers it for that terminal alone.
  const { TERM } = process.env;
  const env = { PATH: '/usr/sbin:/usr/bin:/sbin:/bin', LC_ALL: 'C', TERM };
  const child = spawn(command, args, { cwd: '/', env, stdio: ['inherit', 'ignore', 'pipe'] });
  const [stderr] = await Promise.all([text(child.stderr), once(child, 'close')]);
  if (child.exitCode === 0) return;
  // sudo says either, of people whom it would not let in with a password, too.
  if (/^sudo: (?:.*: )?a (?:password|terminal) is required/m.test(stderr)) {
    throw notDone(what, line, 'sudo asks for a password, and there is no terminal for it');
  }
  const said = stderr.trim().split('\n').slice(-3).map(printable);
  throw notDone(what, line, `could not ${what} the line in /etc/fstab`, said);
}

/** What goes before a command to run it as root. */
function asRoot(what: 'add' | 'remove', line: string): readonly string[] {
  if (process.geteuid?.() === 0) return [];
  const sudo = lookForTool('sudo');
  if (sudo === undefined) throw notDone(what, line, 'sudo is not installed');
  // Without a terminal it must not wait for a password that nobody can type.
  return [sudo, ...(process.stdin.isTTY ? [] : ['-n']), '--'];
}

function notDone(
  what: 'add' | 'remove',
  line: string,
  sentence: string,
  said: readonly string[] = [],
): PysyncError {
  const byHand = `${what} this line of /etc/fstab by hand, as root: ${printable(line)}`;
  return new PysyncError('FSTAB_FAILED', sentence, { hints: [...said, byHand] });
}
