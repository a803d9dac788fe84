/** The checks, in the order of the chain from the sender to the share. */
import type { Check } from '../check.js';
import { githubKeys } from './github-keys.js';

export const checks: readonly Check[] = [githubKeys];
