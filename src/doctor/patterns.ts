/**
 * Whether a word matches one of the patterns, as ssh means them: `*` and `?` are wildcards, and one
 * with `!` in front that matches rules the word out (ssh_config(5), PATTERNS).
 */
export function matchesAny(word: string, patterns: readonly string[]): boolean {
  const matches = (pattern: string): boolean => {
    const source = pattern
      .replaceAll(/[.+^${}()|[\]\\]/g, '\\$&')
      .replaceAll('*', '.*')
      .replaceAll('?', '.');
    return new RegExp(`^${source}$`, 's').test(word);
  };
  if (patterns.some((pattern) => pattern.startsWith('!') && matches(pattern.slice(1))))
    return false;
  return patterns.some((pattern) => !pattern.startsWith('!') && matches(pattern));
}
