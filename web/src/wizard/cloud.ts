import { answered, api } from '../api/client.ts'
import type { Report } from './memory.ts'
import type { Attempt } from './state.ts'
import { followTimeline, type AttemptNow, type Follower } from './timeline.ts'

/** What an attempt is asked for with. */
export interface AttemptRequest {
  productId: string
  /** A device of the account's, to be moved; null for a new one. */
  deviceId: string | null
  /** IANA name; empty for UTC. */
  timeZone: string
}

/** What the wizard asks of the cloud. Calls end with an ApiError. */
export interface CloudPort {
  /** Who is signed in; null for nobody. */
  account(): Promise<string | null>
  /** Opens an attempt; with the same key, the same one. Its token is empty once it has ended. */
  open(request: AttemptRequest, key: string): Promise<Attempt>
  attempt(id: string): Promise<AttemptNow>
  /** Tells of an attempt until the function that it gives is called. */
  follow(id: string, follower: Follower): () => void
  report(id: string, report: Report): Promise<void>
  cancel(id: string): Promise<void>
  rename(deviceId: string, name: string): Promise<void>
}

/** How long an answer may take, in milliseconds; a setup network may swallow the question. */
const patience = 15_000

const soon = () => ({ signal: AbortSignal.timeout(patience) })

const path = (id: string) => ({ params: { path: { id } } })

async function attempt(id: string): Promise<AttemptNow> {
  const now = await answered(api.GET('/api/v1/provisionings/{id}', { ...path(id), ...soon() }))
  return { state: now.state, deviceId: now.device_id ?? null, timeline: (now.timeline ?? []).map(({ step, code }) => ({ step, code: code ?? 0 })) }
}

export const cloudPort: CloudPort = {
  attempt,

  async account() {
    return (await answered(api.GET('/api/v1/sessions/current', soon()))).account?.id ?? null
  },

  async open({ productId, deviceId, timeZone }, key) {
    const call = api.POST('/api/v1/provisionings', {
      params: { header: { 'Idempotency-Key': key } },
      body: { product_id: productId, ...(deviceId ? { device_id: deviceId } : timeZone ? { time_zone: timeZone } : {}) },
      ...soon(),
    })
    const opened = await answered(call)
    // Whether it is over is asked of this browser's clock later, which may be wrong by hours.
    const theirs = Date.parse((await call).response.headers.get('Date') ?? '')
    const ahead = Number.isNaN(theirs) ? 0 : Date.now() - theirs
    return { id: opened.id, token: opened.token ?? '', code: opened.short_code ?? '', expiresAt: Date.parse(opened.expires_at) + ahead, server: opened.server }
  },

  follow: (id, follower) => followTimeline(`/api/v1/provisionings/${encodeURIComponent(id)}/events`, () => attempt(id), follower),

  async report(id, report) {
    await answered(api.POST('/api/v1/provisionings/{id}/steps', { ...path(id), body: report, ...soon() }))
  },

  async cancel(id) {
    await answered(api.DELETE('/api/v1/provisionings/{id}', { ...path(id), ...soon() }))
  },

  async rename(deviceId, name) {
    await answered(api.PATCH('/api/v1/devices/{id}', { ...path(deviceId), body: { name }, ...soon() }))
  },
}
