import { defineConfig } from 'vitest/config'

/** What is measured in milliseconds has the machine for itself. */
export default defineConfig({
  test: { include: ['tests/load/**/*.test.ts'], globalSetup: 'tests/setup.ts', testTimeout: 60_000, maxWorkers: 1, fileParallelism: false },
})
