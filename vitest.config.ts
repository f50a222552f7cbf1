import { defineConfig } from 'vitest/config'

/** A machine may be emulated and ten times slower: no test waits for these times unless something hangs. */
const patience = { testTimeout: 120_000, hookTimeout: 120_000 }

export default defineConfig({
  test: {
    pool: 'forks',
    maxWorkers: 2,
    projects: [
      { test: { name: 'unit', include: ['test/unit/**/*.test.ts', 'bench/*.test.ts'], ...patience } },
      {
        test: {
          name: 'integration',
          include: ['test/integration/**/*.test.ts', 'test/security/**/*.test.ts'],
          globalSetup: ['test/helpers/setup.ts'],
          ...patience,
        },
      },
      // Docker, containerd, podman and buildah, where they are installed.
      {
        test: {
          name: 'clients',
          include: ['test/clients/**/*.test.ts'],
          globalSetup: ['test/helpers/setup.ts'],
          ...patience,
        },
      },
      // They compile the addon, in copies of the package.
      { test: { name: 'package', include: ['test/package/**/*.test.ts'], fileParallelism: false, ...patience } },
    ],
  },
})
