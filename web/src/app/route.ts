/** The app's pages, by path. */
export type Route =
  | { page: 'home' | 'account' | 'add' | 'confirm_email' | 'reset_password' | 'unknown' }
  | { page: 'device' | 'log'; id: string }

const plain: Record<string, Route> = {
  '/': { page: 'home' },
  '/account': { page: 'account' },
  '/add': { page: 'add' },
  '/confirm-email': { page: 'confirm_email' },
  '/reset-password': { page: 'reset_password' },
}

export function routeOf(path: string): Route {
  const device = /^\/devices\/([\w-]+)(\/log)?$/.exec(path)
  if (device?.[1]) return { page: device[2] ? 'log' : 'device', id: device[1] }
  return (Object.hasOwn(plain, path) ? plain[path] : undefined) ?? { page: 'unknown' }
}

/** Pages that a link in an e-mail opens; they ask for no sign-in. */
export function isPublic(route: Route): boolean {
  return route.page === 'confirm_email' || route.page === 'reset_password' || route.page === 'unknown'
}
