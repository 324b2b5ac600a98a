/**
 * What wizard and device's page say to each other by postMessage and in links;
 * docs/portal.md has the description.
 */
import { boardInfoOf, networksOf, resultOf, maxAnswer, type BoardInfo, type Network, type Result } from './parse.ts'

export type FromDevice =
  | { type: 'hello'; board: BoardInfo; networks: Network[] | null }
  | { type: 'result'; id: string; result: Result }

export type ToDevice =
  | { type: 'look' }
  | { type: 'scan' }
  | { type: 'texts'; lang: string; texts: Record<string, string> }
  | { type: 'configure'; id: string; network: string; config: Record<string, string> }
  | { type: 'close' }

/** The version of the messages that both sides speak. */
const version = 1

export function toDevice(message: ToDevice): ToDevice & { tendril: number } {
  return { tendril: version, ...message }
}

/** Reads what a device's page sent; null if it is nothing of ours. */
export function fromDevice(data: unknown): FromDevice | null {
  if (typeof data !== 'object' || data === null) return null
  const message = data as Record<string, unknown>
  if (message.tendril !== version) return null
  if (message.type === 'hello') {
    const board = boardInfoOf(message.board)
    return board && { type: 'hello', board, networks: networksOf(message.networks) }
  }
  if (message.type === 'result') {
    const result = resultOf(message.result)
    return result && typeof message.id === 'string' ? { type: 'result', id: message.id, result } : null
  }
  return null
}

/** How the fragment of a hop's way back begins. */
export const returned = '#device='

/** The link out to the device's page that brings board info and scan back to the given address. */
export function hopLink(portalUrl: string, back: string): string {
  return `${new URL('/', portalUrl).href}#return=${encodeURIComponent(back)}`
}

/** Reads what a hop brought back in the address's fragment; null if it is none. */
export function readHop(fragment: string): { board: BoardInfo; networks: Network[] | null } | null {
  if (!fragment.startsWith(returned) || fragment.length > maxAnswer) return null
  try {
    const raw = fragment.slice(returned.length).replaceAll('-', '+').replaceAll('_', '/')
    const bytes = Uint8Array.from(atob(raw), (character) => character.charCodeAt(0))
    const data = JSON.parse(new TextDecoder('utf-8', { fatal: true }).decode(bytes)) as Record<string, unknown>
    if (data.tendril !== version) return null
    const board = boardInfoOf(data.board)
    return board && { board, networks: networksOf(data.networks) }
  } catch {
    return null
  }
}
