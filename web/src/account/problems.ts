import { ApiError } from '../api/client.ts'

// The codes that signing in and up are refused with and that have words of their own.
const known = new Set([
  'wrong_credentials', 'email_taken', 'email_invalid', 'password_short', 'password_long', 'sign_in_limit', 'sign_up_limit',
  'passwords_busy', 'unreachable', 'link_expired', 'mail_unavailable', 'wrong_password',
])

/** What the page says of a refusal: a text's key and its parameters. */
export interface Said {
  key: string
  params: Record<string, number>
}

export function saidOf(error: unknown): Said {
  if (!(error instanceof ApiError)) throw error
  const code = known.has(error.code) ? error.code : 'unknown'
  return { key: `common.account.problem.${code}`, params: { minutes: Math.max(1, Math.ceil((error.retryAfter ?? 60) / 60)) } }
}
