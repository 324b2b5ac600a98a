import { createHash } from 'node:crypto'
import { svelte } from '@sveltejs/vite-plugin-svelte'
import type { Plugin } from 'vite'
import { defineConfig } from 'vitest/config'

// The list that the service worker keeps: every file of the bundle but languages,
// of which the page asks for the one that it speaks.
const keepList = 'self.__KEEP__'

function serviceWorkerList(): Plugin {
  return {
    name: 'service-worker-list',
    apply: 'build',
    enforce: 'post',
    generateBundle(_, bundle) {
      const worker = bundle['sw.js']
      if (worker?.type !== 'chunk') this.error('the bundle has no service worker')
      const files = Object.keys(bundle)
        .filter((file) => file.startsWith('assets/') && !file.startsWith('assets/words-'))
        .sort()
        .map((file) => '/' + file)
      const version = createHash('sha256').update(JSON.stringify(Object.keys(bundle).sort())).digest('hex').slice(0, 12)
      if (!worker.code.includes(keepList)) this.error('the service worker asks for no list')
      worker.code = worker.code.replace(keepList, JSON.stringify({ version, files }))
    },
  }
}

export default defineConfig({
  plugins: [svelte(), serviceWorkerList()],
  build: {
    target: ['chrome111', 'firefox114', 'safari16.4'],
    manifest: 'manifest.json',
    modulePreload: { polyfill: false },
    // Everything is embedded by the cloud, which sends it compressed.
    assetsInlineLimit: 0,
    rolldownOptions: {
      input: { index: 'index.html', sw: 'src/sw/sw.ts' },
      output: {
        entryFileNames: (chunk) => (chunk.name === 'sw' ? 'sw.js' : 'assets/[name]-[hash].js'),
        chunkFileNames: (chunk) => {
          const words = /\/messages\/(\w+)\/(\w+)\.json$/.exec(chunk.facadeModuleId ?? '')
          return words ? `assets/words-${words[1]}-${words[2]}-[hash].js` : 'assets/[name]-[hash].js'
        },
        assetFileNames: 'assets/[name]-[hash][extname]',
      },
    },
  },
  // Beside `tendril serve --insecure-http`, for work on the pages.
  server: { proxy: { '/api': 'http://localhost:8080' } },
  test: { environment: 'node', include: ['src/**/*.test.ts', 'messages/*.test.ts', 'portal/*.test.ts'] },
})
