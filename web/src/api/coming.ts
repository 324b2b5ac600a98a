import createClient from 'openapi-fetch'

interface Call<Body, Answer, Path = never, Query = never> {
  parameters: { query?: Query; header?: never; path: Path; cookie?: never }
  requestBody?: [Body] extends [never] ? never : { content: { 'application/json': Body } }
  responses: { 200: { headers: Record<string, unknown>; content: { 'application/json': Answer } } }
}
interface Free<Body, Answer> {
  parameters: { query?: never; header?: never; path?: never; cookie?: never }
  requestBody?: [Body] extends [never] ? never : { content: { 'application/json': Body } }
  responses: { 200: { headers: Record<string, unknown>; content: { 'application/json': Answer } } }
}
export interface SignedIn { id: string; created_at: string; last_used_at: string; user_agent: string; current: boolean }
interface Coming {
  '/api/v1/instance': { get: Free<never, { version: string; mail: boolean; languages: string[] }> }
  '/api/v1/accounts/current': { patch: Free<{ language: string }, unknown> }
  '/api/v1/accounts/current/confirmation': { post: Free<never, unknown> }
  '/api/v1/confirmations': { post: Free<{ token: string }, unknown> }
  '/api/v1/password-resets': { post: Free<{ email: string }, unknown> }
  '/api/v1/password-resets/redeem': { post: Free<{ token: string; password: string }, unknown> }
  '/api/v1/sessions': { get: Free<never, { items: SignedIn[] }>; delete: Free<never, unknown> }
  '/api/v1/sessions/{id}': { delete: Call<never, unknown, { id: string }> }
  '/api/v1/accounts/current/deletion': { post: Free<{ password: string }, unknown> }
  '/api/v1/devices/{id}/datastreams/{pin}/history': { get: Call<never, import('../app/history.ts').History, { id: string; pin: string }, { period: string }> }
}
export const coming = createClient<Coming>({ baseUrl: '/', credentials: 'same-origin' })
