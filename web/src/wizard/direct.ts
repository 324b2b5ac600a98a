import { DeviceProblem, type DeviceLink, type Sight } from './device.ts'
import { parseBoardInfo, parseNetworks, parseResult, maxAnswer, type BoardInfo, type Network, type Result } from './parse.ts'

/** How long the device may take, in milliseconds; a scan takes it up to 20 s. */
const timeouts = { board: 5_000, scan: 25_000, configure: 10_000 }

/** How often it is looked whether the device is back, in milliseconds. */
const watchEvery = 2_000

/** fetch's own options, and the one of Local Network Access that TypeScript doesn't know yet. */
type LocalRequest = RequestInit & { targetAddressSpace?: 'local' }

/** Whether a host is an address of a private network (RFC 1918, RFC 3927), so that a page may say so. */
export function isPrivateAddress(host: string): boolean {
  return /^(10\.|192\.168\.|172\.(1[6-9]|2\d|3[01])\.|169\.254\.)/.test(host) && /^[\d.]+$/.test(host)
}

export function isLoopback(host: string): boolean {
  return host === 'localhost' || host === '[::1]' || /^127\.\d+\.\d+\.\d+$/.test(host)
}

/** Requests straight from this page to the portal, where the browser lets it. */
export class DirectLink implements DeviceLink {
  readonly #base: URL
  readonly #fetch: typeof fetch

  constructor(portalUrl: string, fetcher: typeof fetch = (...args) => fetch(...args)) {
    this.#base = new URL(portalUrl)
    this.#fetch = fetcher
  }

  async look(onBoard?: (board: BoardInfo) => void): Promise<Sight> {
    const board = await this.board()
    onBoard?.(board)
    return { board, networks: board.scans ? await this.scan() : null }
  }

  async board(): Promise<BoardInfo> {
    const answer = await this.#ask('/board_info.json', timeouts.board).catch(async (problem: unknown) => {
      // What answers but lets no page read it is another's portal, or another product's.
      throw (await this.#answers()) ? new DeviceProblem('not_a_portal') : problem
    })
    const board = answer.ok ? parseBoardInfo(answer.text) : null
    if (!board) throw new DeviceProblem('not_a_portal')
    return board
  }

  async scan(): Promise<Network[] | null> {
    const answer = await this.#ask('/wifi_scan.json', timeouts.scan)
    // A device too busy to scan is still one that can be set up.
    return answer.ok ? parseNetworks(answer.text) : null
  }

  async configure(_network: string, parameters: Record<string, string>): Promise<Result> {
    let answer: { ok: boolean; status: number; text: string }
    try {
      // A form needs no question beforehand, which small devices might not answer.
      answer = await this.#ask('/config', timeouts.configure, { method: 'POST', body: new URLSearchParams(parameters) })
    } catch {
      return { status: 'unanswered', message: '', field: '' }
    }
    if (answer.status === 503) throw new DeviceProblem('busy')
    if (answer.status === 403) throw new DeviceProblem('forbidden')
    const result = parseResult(answer.text)
    if (!result) throw new DeviceProblem('rubbish')
    return result
  }

  close(): void {
    // There is nothing to hold on to.
  }

  watch(onBoard: (board: BoardInfo | null) => void): () => void {
    let over = false
    const look = async () => {
      while (!over) {
        const board = await this.#ask('/board_info.json', timeouts.board).then((answer) => parseBoardInfo(answer.text), () => null)
        if (!over) onBoard(board)
        await new Promise((resolve) => setTimeout(resolve, watchEvery))
      }
    }
    void look()
    return () => {
      over = true
    }
  }

  /** Whether anything answers at all. */
  async #answers(): Promise<boolean> {
    // What may not be read must follow redirects, says Fetch.
    return this.#ask('/board_info.json', timeouts.board, { mode: 'no-cors', redirect: 'follow' }).then(() => true, () => false)
  }

  async #ask(path: string, timeout: number, options: LocalRequest = {}): Promise<{ ok: boolean; status: number; text: string }> {
    // A redirect leads away from the device, to whoever answers for everybody.
    const request: LocalRequest = { cache: 'no-store', credentials: 'omit', redirect: 'manual', referrerPolicy: 'no-referrer', ...options, signal: AbortSignal.timeout(timeout) }
    // Naming the space lets the browser pass over mixed content; on loopback it would refuse.
    if (isPrivateAddress(this.#base.hostname)) request.targetAddressSpace = 'local'
    try {
      const response = await this.#fetch(new URL(path, this.#base), request)
      return { ok: response.ok, status: response.status, text: (await response.text()).slice(0, maxAnswer + 1) }
    } catch {
      throw new DeviceProblem('not_reached')
    }
  }
}
