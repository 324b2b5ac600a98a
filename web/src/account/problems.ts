import { ApiError } from '../api/client.ts'

// The codes that accounts are refused with and that have words of their own.
const known = new Set([
  'wrong_credentials', 'email_taken', 'email_invalid', 'password_short', 'password_long', 'sign_in_limit', 'sign_up_limit', 'mail_limit',
  'passwords_busy', 'unreachable', 'link_expired', 'mail_unavailable', 'wrong_password', 'already_confirmed', 'last_maker',
])

/** What the page says of a refusal: a text's key and its parameters. */
export interface Said {
  key: string
  params: Record<string, number>
}

/** The words for a refusal; anything else that went wrong is a mistake of the page's own, and thrown on. */
export function saidOf(error: unknown): Said {
  if (!(error instanceof ApiError)) throw error
  const code = known.has(error.code) ? error.code : 'unknown'
  return { key: `common.account.problem.${code}`, params: { minutes: Math.max(1, Math.ceil((error.retryAfter ?? 60) / 60)) } }
}

/** The field of a form that a refusal is about, for its words to stand there; null for the form as a whole. */
export function fieldOf(error: unknown): 'email' | 'password' | null {
  if (!(error instanceof ApiError)) return null
  if (error.code.startsWith('email_')) return 'email'
  return error.code === 'password_short' || error.code === 'password_long' || error.code === 'wrong_password' ? 'password' : null
}
