/** `pysync config [name] [value]`: shows or changes a preference. */
import { columns, note, print, printJson } from '../system/output.js';
import { isPreference, preference, preferences, setPreference } from '../system/preferences.js';
import type { Preference } from '../system/preferences.js';
import { usage } from './options.js';
import type { Options } from './options.js';

const names = Object.keys(preferences) as Preference[];

export function run(args: readonly string[], options: Options): Promise<void> {
  const [name, value] = args;
  const isUnset = options['unset'] === true;
  if (isUnset && (name === undefined || value !== undefined)) {
    throw usage('--unset needs the name of one preference, and no value');
  }
  if (name === undefined) {
    showAll(options['json'] === true);
    return Promise.resolve();
  }
  if (!isPreference(name)) {
    throw usage(`there is no preference '${name}'`, `there are: ${names.join(', ')}`);
  }
  if (value !== undefined) checks[name](value);
  if (isUnset || value !== undefined) setPreference(name, value);
  show(name, options['json'] === true);
  return Promise.resolve();
}

/** The value alone, for scripts; that there is none is only talk. */
function show(name: Preference, asJson: boolean): void {
  const value = preference(name);
  if (asJson) printJson({ [name]: value ?? null });
  else if (value === undefined) note(`${name} is not set`);
  else print(value);
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
    throw usage(
      `'${value}' is not an https:// URL`,
      'for GitHub Enterprise it is https://HOST/api/v3',
    );
  },
};
