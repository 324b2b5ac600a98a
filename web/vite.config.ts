import { createHash } from 'node:crypto'
import { svelte } from '@sveltejs/vite-plugin-svelte'
import type { Plugin, Rolldown } from 'vite'
import { defineConfig } from 'vitest/config'

// The list that the service worker keeps from the start: what the wizard runs on
// while the phone has no internet. Everything else is kept once a page has used it:
// a visitor to the wizard doesn't pay for the app and its charts.
const keepList = 'self.__KEEP__'
const neededOffline = ['/index.html', '/src/wizard/ui/Wizard.svelte']

/** The files of chunks, of what they import, and their styles. */
function filesOf(bundle: Rolldown.OutputBundle, names: readonly string[], found = new Set<string>()): Set<string> {
  for (const name of names) {
    const chunk = bundle[name]
    if (chunk?.type !== 'chunk' || found.has(name)) continue
    found.add(name)
    for (const style of chunk.viteMetadata?.importedCss ?? []) found.add(style)
    filesOf(bundle, chunk.imports, found)
  }
  return found
}

function serviceWorkerList(): Plugin {
  return {
    name: 'service-worker-list',
    apply: 'build',
    enforce: 'post',
    generateBundle(_, bundle) {
      const worker = bundle['sw.js']
      if (worker?.type !== 'chunk') this.error('the bundle has no service worker')
      const chunks = Object.values(bundle).filter((file) => file.type === 'chunk')
      const roots = neededOffline.map((source) => chunks.find((chunk) => chunk.facadeModuleId?.endsWith(source)) ?? this.error(`the bundle has no ${source}`))
      const files = [...filesOf(bundle, roots.map((chunk) => chunk.fileName))].sort().map((file) => '/' + file)
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
