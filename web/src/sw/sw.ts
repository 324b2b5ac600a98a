/// <reference lib="webworker" />
/**
 * Keeps the app on the phone, for the time that the phone is on a device's setup
 * network: the bundle's files, each product's page as it was last seen, and the
 * words of the language in use. It keeps nothing of the API but what is public of
 * a product.
 */
export {}

declare const self: ServiceWorkerGlobalScope & { __KEEP__: { version: string; files: string[] } }

const { version, files } = self.__KEEP__
const bundle = `tendril-bundle-${version}`
const pages = 'tendril-pages'

/** How long a page may take before the kept one is shown, in milliseconds: a setup network may swallow packets. */
const patience = 4000

self.addEventListener('install', (event) => {
  event.waitUntil(
    caches.open(bundle).then(async (cache) => {
      await cache.addAll(files)
      await self.skipWaiting()
    }),
  )
})

self.addEventListener('activate', (event) => {
  event.waitUntil(
    (async () => {
      for (const name of await caches.keys()) {
        if (name.startsWith('tendril-bundle-') && name !== bundle) await caches.delete(name)
      }
      await self.clients.claim()
    })(),
  )
})

/** A page asks for what it needs off-line, and hears whether it is all there. */
self.addEventListener('message', (event: ExtendableMessageEvent) => {
  const message = event.data as { keep?: unknown } | null
  const wanted = Array.isArray(message?.keep) ? message.keep.filter((url): url is string => typeof url === 'string') : null
  const port = event.ports[0]
  if (!wanted || !port) return
  event.waitUntil(
    keep(wanted).then(
      () => port.postMessage({ kept: true }),
      () => port.postMessage({ kept: false }),
    ),
  )
})

async function keep(urls: string[]): Promise<void> {
  const [cache, seen] = await Promise.all([caches.open(bundle), caches.open(pages)])
  for (const text of urls) {
    const url = new URL(text, self.location.origin)
    if (url.origin !== self.location.origin) continue
    if (url.pathname.startsWith('/assets/')) {
      if (!(await cache.match(url.pathname))) await cache.add(url.pathname)
    } else {
      await seen.add(url.pathname)
    }
  }
}

self.addEventListener('fetch', (event) => {
  const { request } = event
  const url = new URL(request.url)
  if (request.method !== 'GET' || url.origin !== self.location.origin) return
  if (url.pathname.startsWith('/assets/')) event.respondWith(file(request, url))
  else if (request.mode === 'navigate') event.respondWith(page(request, url))
  else if (url.pathname.startsWith('/api/v1/wizard/') || /^\/p\/[^/]+\/(logo|icon|manifest|apple)/.test(url.pathname)) event.respondWith(fresh(request, url.pathname + url.search))
})

/** A file of the bundle never changes: its name has its hash. */
async function file(request: Request, url: URL): Promise<Response> {
  const kept = await caches.match(url.pathname)
  if (kept) return kept
  const answer = await fetch(request)
  if (answer.ok) await (await caches.open(bundle)).put(url.pathname, answer.clone())
  return answer
}

/** A page of the app: the server's if it answers in time, else the kept one, else any kept one, which finds its way by the address. */
async function page(request: Request, url: URL): Promise<Response> {
  try {
    return await fresh(request, url.pathname)
  } catch (error) {
    for (const kept of await (await caches.open(pages)).matchAll()) {
      if (kept.headers.get('Content-Type')?.startsWith('text/html')) return kept
    }
    throw error
  }
}

/** The server's answer if it comes in time, kept for later; else what was kept. */
async function fresh(request: Request, key: string): Promise<Response> {
  const cache = await caches.open(pages)
  const kept = await cache.match(key)
  try {
    const answer = await (kept ? within(fetch(request), patience) : fetch(request))
    if (answer.ok && answer.type === 'basic') {
      try {
        await cache.put(key, answer.clone())
      } catch {
        // Full: what was kept before serves as well.
      }
    }
    return answer
  } catch (error) {
    if (kept) return kept
    throw error
  }
}

function within<T>(promise: Promise<T>, milliseconds: number): Promise<T> {
  return new Promise((resolve, reject) => {
    const timer = setTimeout(() => reject(new Error('too slow')), milliseconds)
    promise.then(resolve, reject).finally(() => clearTimeout(timer))
  })
}
