import { type IncomingHttpHeaders, request } from 'node:http'
import type { Socket } from 'node:net'

export interface Answer {
  status: number
  headers: IncomingHttpHeaders
  body: string
}

/** Makes an HTTP request on a connection, which ends with it; or at a Unix socket. */
export function ask(on: Socket | { socketPath: string }, method: string, path: string, options: { host?: string; body?: string; headers?: Record<string, string> } = {}): Promise<Answer> {
  const { host = 'localhost', body = '', headers } = options
  const way = 'socketPath' in on ? on : { createConnection: () => on }
  return new Promise((resolve, reject) => {
    const asked = request(
      { ...way, method, path, setHost: false, headers: { Host: host, Connection: 'close', ...(body && { 'Content-Length': Buffer.byteLength(body) }), ...headers } },
      (response) => {
        const chunks: Buffer[] = []
        response.on('data', (chunk: Buffer) => chunks.push(chunk))
        response.on('error', reject)
        response.on('end', () => resolve({ status: response.statusCode ?? 0, headers: response.headers, body: Buffer.concat(chunks).toString() }))
      },
    )
    asked.on('error', reject)
    asked.end(body)
  })
}
