import type { Abilities } from '../../src/gate/decide.js';
import type { Policy } from '../../src/gate/policy.js';

/** A policy as an ordinary import writes it, for tests of the decision. */
export const ordinaryPolicy: Policy = {
  peer: 'bob',
  key: `SHA256:${'a'.repeat(43)}`,
  share: '/srv/share',
  access: 'read-write',
  allowDelete: false,
  source: 'file:bob.pub',
  imported: '2026-11-23T00:00:00Z',
};

/** A bubblewrap sandbox around an rsync that has all protections of its own. */
export const sandbox: Abilities = {
  hidesOutside: true,
  root: '/share',
  dropsDevices: true,
  confinesRoot: true,
};
