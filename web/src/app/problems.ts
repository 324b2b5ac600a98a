import { saidOf as accountSaidOf, type Said } from '../account/problems.ts'
import { ApiError } from '../api/client.ts'

// The codes that devices are refused with and that have words of their own.
const known = new Set([
  'device_offline', 'device_not_found', 'device_name_empty', 'characters', 'too_long', 'unknown_time_zone', 'value_range', 'value_label', 'value_text', 'value_single',
  'value_separator', 'not_owner',
])

/** The words for what the cloud said to a call about devices; other mistakes are thrown on. */
export function saidOf(error: unknown): Said {
  if (error instanceof ApiError && known.has(error.code)) return { key: `app.problem.${error.code}`, params: {} }
  return accountSaidOf(error)
}
