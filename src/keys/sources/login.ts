/**
 * Whether `text` can be a GitHub login. Looser than the rule for new accounts: old ones end with a
 * hyphen or have two in a row, and those that an enterprise manages have an underscore.
 */
export function isGithubLogin(text: string): boolean {
  return /^[A-Za-z0-9][A-Za-z0-9_-]{0,38}$/.test(text);
}
