/** Where the page is; the History API's paths, without the fragment. */
let path = $state(location.pathname)
let moved = false

addEventListener('popstate', () => {
  arrive()
})

function arrive(): void {
  moved = true
  path = location.pathname
  // What had the focus may stay on the next page; the headline is to get it.
  if (document.activeElement instanceof HTMLElement) document.activeElement.blur()
}

export function currentPath(): string {
  return path
}

/** Whether the customer has gone from one page to another since the app was loaded. */
export function hasMoved(): boolean {
  return moved
}

/** Goes to a page of the app. */
export function go(to: string, options: { replace?: boolean } = {}): void {
  if (options.replace) history.replaceState(null, '', to)
  else history.pushState(null, '', to)
  arrive()
  scrollTo(0, 0)
}

/** For links: goes there without loading, unless the customer wants a window of its own. */
export function follow(event: MouseEvent): void {
  const link = (event.target as Element).closest('a')
  if (!link || link.target || link.origin !== location.origin || link.hasAttribute('download')) return
  if (event.defaultPrevented || event.button !== 0 || event.metaKey || event.ctrlKey || event.shiftKey || event.altKey) return
  if (link.pathname.startsWith('/api/') || link.pathname === '/openapi.json') return
  event.preventDefault()
  go(link.pathname + link.hash)
}
