import { defineConfig } from 'vitest/config'

export default defineConfig({
  test: {
    include: ['tests/*.test.ts'],
    globalSetup: 'tests/setup.ts',
    // Each test has machines, networks and browsers of its own.
    testTimeout: 60_000,
    hookTimeout: 60_000,
    maxWorkers: Number(process.env['LAB_WORKERS'] ?? 3),
  },
})
