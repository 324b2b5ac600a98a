import { DeviceProblem, type DeviceLink, type Sight } from './device.ts'
import { maxAnswer, parseBoardInfo, parseNetworks, parseResult, type BoardInfo, type Network, type Result } from './parse.ts'

/** How long the device may take, in milliseconds; a scan takes it up to 20 s. */
const timeouts = { board: 5_000, scan: 25_000, configure: 10_000 }

/** How often it is looked whether the device is back, in milliseconds. */
const watchEvery = 2_000

/** fetch's own options, and the one of Local Network Access that TypeScript doesn't know yet. */
type LocalRequest = RequestInit & { targetAddressSpace?: 'local' }

interface Answer {
  status: number
  text: string
}

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
    // A device too busy to scan is still one that can be set up.
    return { board, networks: board.scans ? await this.scan().catch(() => null) : null }
  }

  async board(): Promise<BoardInfo> {
    const answer = await this.#ask('/board_info.json', timeouts.board).catch(async (problem: unknown) => {
      // What answers but lets no page read it is another's portal, or another product's.
      throw (await this.#answers()) ? new DeviceProblem('not_a_portal') : problem
    })
    const board = answer.status === 200 ? parseBoardInfo(answer.text) : null
    if (board) return board
    throw new DeviceProblem(answer.status === 200 && answer.text.includes('"tmpl_id"') ? 'rubbish' : 'not_a_portal')
  }

  async scan(): Promise<Network[] | null> {
    const answer = await this.#ask('/wifi_scan.json', timeouts.scan)
    return answer.status === 200 ? parseNetworks(answer.text) : null
  }

  async configure(_network: string, parameters: Record<string, string>): Promise<Result> {
    let answer: Answer
    try {
      // A form needs no question beforehand, which small devices might not answer.
      answer = await this.#ask('/config', timeouts.configure, { method: 'POST', body: new URLSearchParams(parameters) })
    } catch {
      return { status: 'unanswered', message: '', field: '' }
    }
    // Above 500 it is busy for now, perhaps with a hand-over whose reply was lost.
    if (answer.status > 500) throw new DeviceProblem('busy')
    if (answer.status === 403) throw new DeviceProblem('forbidden')
    const result = parseResult(answer.text)
    if (!result) throw new DeviceProblem('rubbish')
    return result
  }

  leave(): void {
    // There is nothing to hold on to.
  }

  close(): void {
    this.leave()
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
    // A request that may not read its answer must follow redirects (Fetch, 4.1).
    return this.#ask('/board_info.json', timeouts.board, { mode: 'no-cors', redirect: 'follow' }).then(() => true, () => false)
  }

  async #ask(path: string, timeout: number, options: LocalRequest = {}): Promise<Answer> {
    // A redirect leads away from the device, to whoever answers for everybody.
    const request: LocalRequest = { cache: 'no-store', credentials: 'omit', redirect: 'manual', referrerPolicy: 'no-referrer', ...options, signal: AbortSignal.timeout(timeout) }
    // Naming the space lets the browser pass over mixed content; on loopback it would refuse.
    if (isPrivateAddress(this.#base.hostname)) request.targetAddressSpace = 'local'
    try {
      const response = await this.#fetch(new URL(path, this.#base), request)
      return { status: response.status, text: await beginning(response) }
    } catch {
      throw new DeviceProblem('not_reached')
    }
  }
}

/** As much of an answer as a portal's may be long, and a little: whoever answers may never stop. */
async function beginning(response: Response): Promise<string> {
  const reader = response.body?.getReader()
  if (!reader) return ''
  const decoder = new TextDecoder()
  let text = ''
  while (text.length <= maxAnswer) {
    const { done, value } = await reader.read()
    if (done) return text + decoder.decode()
    text += decoder.decode(value, { stream: true })
  }
  void reader.cancel().catch(() => {})
  return text
}
