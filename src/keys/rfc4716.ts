/**
 * The "SSH2" public key format (RFC 4716), which PuTTY and other clients than OpenSSH write:
 *
 *     ---- BEGIN SSH2 PUBLIC KEY ----
 *     Comment: "bob's laptop"
 *     AAAAC3Nza…
 *     ---- END SSH2 PUBLIC KEY ----
 *
 * `ssh-keygen -l` does not read it, and ssh2's reader knows neither FIDO keys nor a text with
 * several blocks. So a block becomes the parts of a line here, which are judged like any other.
 */
import { cleanComment, readKeyParts, type LineReading } from './key-candidate.js';
import { typeInside } from './key-line.js';

export const ssh2KeyBegin = /^---- BEGIN SSH2 PUBLIC KEY ----$/;
export const ssh2KeyEnd = /^---- END SSH2 PUBLIC KEY ----$/;

/** Reads the lines between the two markers. */
export function readSsh2Block(lines: readonly string[]): LineReading {
  const { comment, body } = splitHeaders(lines);
  const blob = body.join('');
  const type = typeInside(blob);
  if (type === undefined) {
    return {
      kind: 'fault',
      fault: {
        reason: 'this SSH2 key block is damaged or cut short',
        hints: ['it has to be whole, from its BEGIN line to its END line'],
      },
    };
  }
  return readKeyParts({ type, blob, comment, optionsDropped: false });
}

/** A header is `Name: value`; a backslash at the end of a line continues it on the next one. */
function splitHeaders(lines: readonly string[]): { comment: string; body: string[] } {
  let comment = '';
  let i = 0;
  for (; i < lines.length; i += 1) {
    let header = lines[i] ?? '';
    if (!header.includes(':')) break;
    while (header.endsWith('\\') && i + 1 < lines.length) {
      i += 1;
      header = header.slice(0, -1) + (lines[i] ?? '');
    }
    const value = /^comment:(.*)$/is.exec(header)?.[1]?.trim();
    if (value === undefined) continue;
    const unquoted = value.replace(/^"(.*)"$/s, '$1');
    // What `ssh-keygen -e` writes in place of the comment; only its middle can name a peer.
    const converted = /^\d+-bit \S+, converted by (\S+) from OpenSSH$/.exec(unquoted)?.[1];
    comment = cleanComment(converted ?? unquoted);
  }
  return { comment, body: lines.slice(i).map((line) => line.trim()) };
}
