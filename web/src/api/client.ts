import createClient from 'openapi-fetch'
import type { paths } from './schema.d.ts'

/** The cloud's HTTP API, typed by its own description; sent with the session's cookie. */
export const api = createClient<paths>({ baseUrl: '/', credentials: 'same-origin' })

/** Why the cloud refused, or that it could not be reached. The page finds the words by the code. */
export class ApiError extends Error {
  override readonly name = 'ApiError'

  constructor(
    /** The HTTP status; 0 if no answer came. */
    readonly status: number,
    /** The refusal's code; "unreachable" if no answer came. */
    readonly code: string,
    /** The member, parameter or header that was refused. */
    readonly field?: string,
    /** In how many seconds to try again, where the cloud said so. */
    readonly retryAfter?: number,
  ) {
    super(`${status} ${code}`)
  }

  get unreachable(): boolean {
    return this.status === 0
  }
}

interface Answer<T> {
  data?: T
  error?: unknown
  response: Response
}

/** What a call answered, or an ApiError. */
export async function answered<T>(call: Promise<Answer<T>>): Promise<T> {
  let answer: Answer<T>
  try {
    answer = await call
  } catch {
    // No network, no name, a captive portal's certificate, a broken answer.
    throw new ApiError(0, 'unreachable')
  }
  if (answer.response.ok) return answer.data as T
  const problem = (typeof answer.error === 'object' && answer.error !== null ? answer.error : {}) as { code?: unknown; field?: unknown }
  const seconds = Number(answer.response.headers.get('Retry-After'))
  throw new ApiError(
    answer.response.status,
    typeof problem.code === 'string' ? problem.code : 'unknown',
    typeof problem.field === 'string' ? problem.field : undefined,
    Number.isFinite(seconds) && seconds > 0 ? seconds : undefined,
  )
}
