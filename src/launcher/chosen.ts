/** The owner's preferences that sessions follow (`pysync config`). */
import type { Preferences } from '../session/settings.js';
import { preference } from '../system/preferences.js';
import { parseSize } from '../system/sizes.js';

/** What the logs may take where nothing is preferred. */
const logDefaults = { count: 1000, size: '256M', days: 365 } as const;

/** Throws PysyncError `CONFIG_UNREADABLE`. */
export function chosenSettings(): Preferences {
  return {
    logCount: Number(preference('log-count') ?? logDefaults.count),
    logBytes: parseSize(preference('log-size') ?? logDefaults.size),
    logDays: Number(preference('log-days') ?? logDefaults.days),
    onReceived: preference('on-received') ?? '',
    notifies: preference('notify') === 'on',
  };
}
