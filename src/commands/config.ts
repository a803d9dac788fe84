/** `pysync config [name] [value]`, or `get`, `set` and `unset`: shows or changes preferences. */
import { followPreferences } from '../launcher/install.js';
import { columns, note, print, printJson } from '../system/output.js';
import { faultOfProgram } from '../system/own-program.js';
import { isPreference, preference, preferences, setPreference } from '../system/preferences.js';
import type { Preference } from '../system/preferences.js';
import { parseSize } from '../system/sizes.js';
import { findTool } from '../system/tools.js';
import { usage } from './words/options.js';
import type { Options } from './words/options.js';

const names = Object.keys(preferences) as Preference[];

export async function run(args: readonly string[], options: Options): Promise<void> {
  const { name, value, isUnset } = readWords(args, options['unset'] === true);
  if (name === undefined) {
    showAll(options['json'] === true);
    return;
  }
  if (!isPreference(name)) {
    throw usage(`there is no preference '${name}'`, `there are: ${names.join(', ')}`);
  }
  if (value !== undefined) checks[name](value);
  if (isUnset || value !== undefined) {
    setPreference(name, value);
    if (name !== 'github-api-url') await followPreferences();
  }
  show(name, options['json'] === true);
}

interface Words {
  readonly name: string | undefined;
  readonly value: string | undefined;
  readonly isUnset: boolean;
}

/** A verb in front, as git has it, says no more than the number of words does. */
function readWords(args: readonly string[], flag: boolean): Words {
  const [verb = ''] = args;
  const counts: Readonly<Record<string, number>> = { set: 3, get: 2, unset: 2 };
  const count = counts[verb];
  if (count !== undefined && args.length !== count) {
    throw usage(
      `config ${verb} needs the name of a preference${verb === 'set' ? ' and a value' : ''}`,
    );
  }
  const [name, value, ...more] = count === undefined ? args : args.slice(1);
  if (more.length > 0) throw usage('config takes the name of a preference and one value');
  const isUnset = flag || verb === 'unset';
  if (isUnset && (name === undefined || value !== undefined)) {
    throw usage('--unset needs the name of one preference, and no value');
  }
  return { name, value, isUnset };
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
  'log-count': (value) => {
    checkNumber('log-count', value);
  },
  'log-size': (value) => {
    if (parseSize(value) < leastLogs) throw usage('log-size is at least 1M');
  },
  'log-days': (value) => {
    checkNumber('log-days', value);
  },
  notify: (value) => {
    if (value !== 'on' && value !== 'off') throw usage('notify is on or off');
    if (value === 'on' && process.platform === 'linux') findTool('busctl');
  },
  'on-received': (value) => {
    const fault = faultOfProgram(value);
    if (fault === undefined) return;
    throw usage(
      `'${value}' ${fault}`,
      'it is one program that only you can change, without arguments: /home/anna/bin/on-received',
    );
  },
};

const leastLogs = 2 ** 20;

function checkNumber(name: Preference, value: string): void {
  if (/^[1-9]\d{0,5}$/.test(value)) return;
  throw usage(`${name} '${value}' is not a whole number from 1 to 999999`);
}
