/** A notification on the owner's desktop, where there is one. */
import { existsSync } from 'node:fs';
import { userInfo } from 'node:os';
import { PysyncError } from '../errors.js';
import { run } from '../system/run.js';
import { formatSize } from '../system/sizes.js';
import { counted, printable } from '../system/text.js';
import { nameOf } from './transfer.js';
import type { Transfer } from './transfer.js';

/** Shows it. Where that fails nobody is told, since nobody is there. */
export async function notifyOf(transfer: Transfer): Promise<void> {
  const call = process.platform === 'darwin' ? appleCall(transfer) : busCall(transfer);
  if (call === undefined) return;
  const [tool, args, env] = call;
  try {
    await run(tool, args, { purpose: 'show a notification', timeoutMs: 10_000, env });
  } catch (error) {
    if (!(error instanceof PysyncError)) throw error;
  }
}

type Call = readonly [tool: string, args: readonly string[], env: Record<string, string>];

/**
 * The method of the Desktop Notifications Specification. busctl takes each word as it is, where
 * notify-send would read options and gdbus a syntax of its own.
 */
function busCall(transfer: Transfer): Call | undefined {
  const bus = `/run/user/${userInfo().uid}/bus`;
  if (!existsSync(bus)) return undefined;
  const words = [
    ...['--user', '--timeout=5', 'call', '--', 'org.freedesktop.Notifications'],
    ...['/org/freedesktop/Notifications', 'org.freedesktop.Notifications', 'Notify'],
    ...['susssasa{sv}i', 'pysync', '0', 'folder-download'],
    ...[titleOf(transfer), escapeMarkup(bodyOf(transfer)), '0', '0', '-1'],
  ];
  return ['busctl', words, { DBUS_SESSION_BUS_ADDRESS: `unix:path=${bus}` }];
}

/** The text goes to the script as arguments: within it, it would be code. */
function appleCall(transfer: Transfer): Call {
  const script = [
    'on run argv',
    'display notification (item 2 of argv) with title (item 1 of argv)',
    'end run',
  ];
  const lines = script.flatMap((line) => ['-e', line]);
  return ['osascript', [...lines, titleOf(transfer), bodyOf(transfer)], {}];
}

function titleOf({ header, fileCount, bytes }: Transfer): string {
  const count = counted(fileCount, 'file');
  return printable(`${header.peer} sent ${count}, ${formatSize(bytes)}`);
}

function bodyOf({ files, fileCount }: Transfer): string {
  const names = files.slice(0, 3).map((file) => printable(nameOf(file)).slice(0, 80));
  const more = fileCount - names.length;
  return [...names, ...(more > 0 ? [`and ${more} more`] : [])].join(', ');
}

/**
 * SECURITY: many desktops read a body as markup, with links in it and pictures from anywhere
 * (test/attacks/received-names.test.ts).
 */
function escapeMarkup(text: string): string {
  return text.replaceAll('&', '&amp;').replaceAll('<', '&lt;').replaceAll('>', '&gt;');
}
