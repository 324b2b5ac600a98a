/** How long keeping everything for off-line use may take, in milliseconds; the customer waits. */
const patience = 15_000

/**
 * Has the service worker keep this page and all that it loaded, so that it works
 * while the phone is on a setup network. Gives false where that can't be: then the
 * page must stay open.
 */
export async function keepForOffline(): Promise<boolean> {
  let timer: ReturnType<typeof setTimeout> | undefined
  const tooLong = new Promise<boolean>((resolve) => {
    timer = setTimeout(() => resolve(false), patience)
  })
  const kept = await Promise.race([keep().catch(() => false), tooLong])
  clearTimeout(timer)
  return kept
}

async function keep(): Promise<boolean> {
  if (!('serviceWorker' in navigator)) return false
  await navigator.serviceWorker.register('/sw.js', { scope: '/' })
  // A worker that can't be installed is never ready.
  const worker = (await navigator.serviceWorker.ready).active
  if (!worker) return false
  const loaded = performance.getEntriesByType('resource').map((entry) => new URL(entry.name))
  const files = loaded.filter((url) => url.origin === location.origin && /^\/(assets|api\/v1\/wizard)\//.test(url.pathname)).map((url) => url.pathname)
  const channel = new MessageChannel()
  return new Promise<boolean>((resolve) => {
    channel.port1.onmessage = (event: MessageEvent<{ kept: boolean }>) => resolve(event.data.kept)
    worker.postMessage({ keep: [location.pathname, ...new Set(files)] }, [channel.port2])
  })
}
