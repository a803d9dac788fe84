import { defineConfig } from 'vitest/config';

/**
 * Three projects, from quick to real. `unit` neither spawns nor reaches the network; `integration`
 * and `attacks` use the built program in dist/ with a real sshd, rsync and bubblewrap, and share
 * one copy of it that an ordinary user can read (see test/helpers/global-setup.ts).
 */
export default defineConfig({
  test: {
    // Most of the time goes by in waiting, so two cores carry more than one file at a time.
    maxWorkers: 3,
    projects: [
      { test: { name: 'unit', include: ['test/unit/**/*.test.ts'] } },
      {
        test: {
          name: 'integration',
          include: ['test/integration/**/*.test.ts'],
          globalSetup: ['test/helpers/global-setup.ts'],
          testTimeout: 60_000,
          hookTimeout: 60_000,
        },
      },
      {
        test: {
          name: 'attacks',
          include: ['test/attacks/**/*.test.ts'],
          globalSetup: ['test/helpers/global-setup.ts'],
          testTimeout: 60_000,
          hookTimeout: 60_000,
        },
      },
    ],
  },
});
