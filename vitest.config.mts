import { defineConfig } from 'vitest/config';

/** What needs the built program: one copy of it for all, that an ordinary user can read. */
const real = {
  globalSetup: ['test/helpers/global-setup.ts'],
  // Long enough for a busy machine: what hangs is still found.
  testTimeout: 120_000,
  hookTimeout: 120_000,
};

/**
 * From quick to real. `unit` neither spawns nor reaches the network; the others use the built
 * program in dist/ with a real sshd, rsync and bubblewrap. The attacks are tried three times: on a plain
 * share, on a volume, and through `pysync serve` (see test/helpers/receiver.ts).
 */
export default defineConfig({
  test: {
    // Most of the time goes by in waiting, so two cores carry more than one file at a time.
    maxWorkers: 3,
    projects: [
      // Properties are tried many times over; beside other work on two cores that can take a while.
      { test: { name: 'unit', include: ['test/unit/**/*.test.ts'], testTimeout: 30_000 } },
      // No second try for anything: what fails once in a hundred runs fails for some user, too.
      { test: { name: 'integration', include: ['test/integration/**/*.test.ts'], ...real } },
      { test: { name: 'attacks', include: ['test/attacks/**/*.test.ts'], ...real } },
      {
        test: {
          name: 'attacks-capped',
          include: ['test/attacks/**/*.test.ts'],
          // These make and break volumes of their own, or the bare folder, or have nothing to do with shares.
          exclude: ['test/attacks/{capped-share,share-gone,false-announcements,serve-*}.test.ts'],
          env: { PYSYNC_TEST_CAP: '512M' },
          ...real,
        },
      },
      {
        test: {
          name: 'attacks-served',
          include: ['test/attacks/**/*.test.ts'],
          // Nobody connects in the one, and the others start a serve of their own.
          exclude: ['test/attacks/{false-announcements,serve-*}.test.ts'],
          // All others: serve asks for no variable of a client's and has no forwarding, yet a client can ask.
          // Fewer scenarios of policy-properties: what they try is behind the listener.
          env: { PYSYNC_TEST_SERVE: 'yes', PYSYNC_RUNS: '30', PYSYNC_SEED: '20261126' },
          ...real,
        },
      },
    ],
  },
});
