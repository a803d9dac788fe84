/** No sandbox, on the owner's word: rsync 3.5.0 keeps itself in the share, and checks its arguments. */
import { quote, quoteAll } from '../gate/quote.js';
import { environment } from './sandbox.js';
import type { Sandbox } from './sandbox.js';

export const none: Sandbox = {
  meaning: 'NO SANDBOX: only argument checks and rsync itself keep a peer inside the share',
  hidesOutside: false,
  takesFilter: false,
  programs: () => [],
  view: ({ share, only, log }) => ({ root: share, only: `${share}/${only ?? ''}`, log }),
  command: ({ sh }, { share }, program) => [
    ...['/usr/bin/env', '-i', ...environment, sh, '-c'],
    `cd ${quote(share)} && exec ${quoteAll(program)}`,
  ],
};
