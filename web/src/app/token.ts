/**
 * The token of a link from an e-mail, out of the address's fragment. The address
 * loses it at once, so that neither the history nor a reload nor whoever looks at
 * the screen has it.
 */
export function takeToken(page: { location: Pick<Location, 'hash' | 'pathname'>; history: Pick<History, 'replaceState'> } = window): string {
  const token = page.location.hash.slice(1)
  if (page.location.hash) page.history.replaceState(null, '', page.location.pathname)
  return token
}
