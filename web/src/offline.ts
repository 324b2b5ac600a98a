/** How long keeping everything for off-line use may take, in milliseconds. */
const patience = 30_000

/**
 * Has the service worker keep this page and all that it loaded, so that it works
 * while the phone is on a setup network. Gives false where that can't be: then the
 * page must stay open.
 */
export async function keepForOffline(): Promise<boolean> {
  try {
    if (!('serviceWorker' in navigator)) return false
    await navigator.serviceWorker.register('/sw.js', { scope: '/' })
    const worker = (await navigator.serviceWorker.ready).active
    if (!worker) return false
    const loaded = performance.getEntriesByType('resource').map((entry) => entry.name)
    const keep = [location.pathname, ...loaded.filter((url) => new URL(url).origin === location.origin && new URL(url).pathname.startsWith('/assets/'))]
    const channel = new MessageChannel()
    return await new Promise<boolean>((resolve) => {
      const timer = setTimeout(() => resolve(false), patience)
      channel.port1.onmessage = (event: MessageEvent<{ kept: boolean }>) => {
        clearTimeout(timer)
        resolve(event.data.kept)
      }
      worker.postMessage({ keep: [...new Set(keep)] }, [channel.port2])
    })
  } catch {
    return false
  }
}
