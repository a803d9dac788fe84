/** How a stranger who knocks is shown. All that is said of them but key and address is their own claim. */
import { NotRsync, readCommand } from '../../gate/request.js';
import type { Knock } from '../../server/knocks.js';
import { style } from '../../system/output.js';
import { printable } from '../../system/text.js';

/** Characters of a claimed name or command that are shown. */
const shownText = 40;

/** The question on the owner's screen. `peers` are the names that are taken. */
export function describeKnock(
  knock: Knock,
  share: string,
  peers: ReadonlySet<string>,
  secondsLeft: number,
): string[] {
  const name = claimedName(knock);
  return [
    style.bold(`Somebody new ${wish(knock.command, share)}:`),
    `    calls themselves ${name}${peers.has(name) ? ' (not the one you know)' : ''}, at ${printable(knock.address)}`,
    `    ${keyType(knock.type)} ${knock.fingerprint}`,
    `    y: let them in   o: only this once   n: no        (${secondsLeft} s left)`,
  ];
}

export function claimedName({ user }: Pick<Knock, 'user'>): string {
  return cut(user);
}

/** `wants to send files into …`, for a command of a stranger's. */
export function wish(command: string, share: string): string {
  try {
    const { sender } = readCommand(command);
    return sender
      ? `wants to fetch files from ${printable(share)}`
      : `wants to send files into ${printable(share)}`;
  } catch (error) {
    return error instanceof NotRsync ? `wants ${cut(command)}` : 'wants to use rsync';
  }
}

/** `ED25519`, as ssh shows it. */
export function keyType(type: string): string {
  const [, name = type] = /^(?:sk-)?(?:ssh-)?(ed25519|ecdsa|rsa)/.exec(type) ?? [];
  return name.toUpperCase();
}

function cut(text: string): string {
  const shown = printable(text);
  return shown.length > shownText ? `${shown.slice(0, shownText - 1)}…` : shown;
}
