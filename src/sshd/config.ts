/** The ssh server's configuration files: sshd_config(5), with what it includes. */
import { dirname, join } from 'node:path';
import { namesIn, readLines } from '../system/readable.js';

export interface ConfigLine {
  /** The keyword, in lower case. */
  readonly name: string;
  readonly value: string;
  /** The criteria of the `Match` block that the line is in; undefined outside of any. */
  readonly match: string | undefined;
}

/** The config in force; `PYSYNC_SSHD_CONFIG` names that of a server other than the system's. */
export function sshdConfigPath(): string {
  return process.env['PYSYNC_SSHD_CONFIG'] ?? '/etc/ssh/sshd_config';
}

/**
 * The lines of the config at `path`, in the order in which sshd reads them; the first one of each
 * keyword counts. Files that cannot be read are left out.
 */
export function readConfig(path: string, outerMatch?: string, depth = 0): ConfigLine[] {
  const lines: ConfigLine[] = [];
  // A block that begins in an included file ends with it.
  let match = outerMatch;
  for (const line of readLines(path)) {
    const [, keyword = '', value = ''] = /^\s*([A-Za-z]+)[\s=]+"?([^"#]+?)"?\s*$/.exec(line) ?? [];
    const name = keyword.toLowerCase();
    if (name === 'match') {
      match = value;
    } else if (name === 'include' && depth < 4) {
      const files = value.split(/\s+/).flatMap((pattern) => expand(pattern, dirname(path)));
      lines.push(...files.flatMap((file) => readConfig(file, match, depth + 1)));
    } else if (name !== '') {
      lines.push({ name, value, match });
    }
  }
  return lines;
}

/** The files of an `Include` pattern with a wildcard in its last part, sorted as sshd sorts them. */
function expand(pattern: string, base: string): string[] {
  const path = pattern.startsWith('/') ? pattern : join(base, pattern);
  if (!path.includes('*')) return [path];
  const folder = dirname(path);
  const [head = '', tail = ''] = path.slice(folder.length + 1).split('*', 2);
  return namesIn(folder)
    .filter((name) => name.startsWith(head) && name.endsWith(tail))
    .sort()
    .map((name) => join(folder, name));
}
