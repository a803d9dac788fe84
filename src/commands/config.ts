/** `pysync config [name] [value]`: shows or changes a preference. */
import { PysyncError } from '../errors.js';
import { columns, print, printJson } from '../system/output.js';
import { isPreference, preference, preferences, setPreference } from '../system/preferences.js';
import type { Preference } from '../system/preferences.js';
import { usage } from './options.js';
import type { Options } from './options.js';

const names = Object.keys(preferences) as Preference[];

export function run(args: readonly string[], options: Options): Promise<void> {
  const [name, value] = args;
  if (name === undefined) {
    showAll(options['json'] === true);
    return Promise.resolve();
  }
  if (!isPreference(name)) {
    throw usage(`there is no preference '${name}'`, `there are: ${names.join(', ')}`);
  }
  if (options['unset'] === true) {
    setPreference(name, undefined);
  } else if (value === undefined) {
    print(preference(name) ?? '');
  } else {
    checks[name](value);
    setPreference(name, value);
  }
  return Promise.resolve();
}

function showAll(asJson: boolean): void {
  const values = names.map((name) => ({ name, value: preference(name), about: preferences[name] }));
  if (asJson) {
    printJson(Object.fromEntries(values.map(({ name, value }) => [name, value ?? null])));
    return;
  }
  const rows = values.map(({ name, value, about }) => [name, value ?? '(not set)', about]);
  columns(rows).forEach((line) => {
    print(line);
  });
}

/** What is good as a value of each preference. */
const checks: Readonly<Record<Preference, (value: string) => void>> = {
  'github-api-url': (value) => {
    if (URL.canParse(value) && new URL(value).protocol === 'https:') return;
    throw new PysyncError('CONFIG_VALUE', `'${value}' is not an https:// URL`, {
      hints: ['for GitHub Enterprise it is https://HOST/api/v3'],
    });
  },
};
