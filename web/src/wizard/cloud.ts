import { answered, api } from '../api/client.ts'
import type { Report } from './memory.ts'
import type { Attempt } from './state.ts'

/** An attempt as it is now. */
export interface AttemptNow {
  state: 'issued' | 'handed_over' | 'failed' | 'online' | 'expired' | 'cancelled'
  code: number
  deviceId: string | null
}

/** One step of the timeline. */
export interface TimelineStep {
  step: string
  code: number
}

/** What the wizard asks of the cloud. Calls end with an ApiError. */
export interface CloudPort {
  /** Who is signed in; null for nobody. */
  account(): Promise<string | null>
  open(request: { productId: string; deviceId: string | null; timeZone: string }, key: string): Promise<Attempt>
  attempt(id: string): Promise<AttemptNow>
  /** Tells the timeline from its beginning, and whether the cloud is heard, until the function that it gives is called. */
  follow(id: string, onStep: (step: TimelineStep) => void, onHeard: (heard: boolean) => void): () => void
  report(id: string, report: Report): Promise<void>
  cancel(id: string): Promise<void>
  rename(deviceId: string, name: string): Promise<void>
}

/** How soon a stream that was refused is asked for again, in milliseconds. */
const reopenAfter = 3_000

export const cloudPort: CloudPort = {
  async account() {
    return (await answered(api.GET('/api/v1/sessions/current'))).account?.id ?? null
  },

  async open({ productId, deviceId, timeZone }, key) {
    const opened = await answered(
      api.POST('/api/v1/provisionings', {
        params: { header: { 'Idempotency-Key': key } },
        body: { product_id: productId, ...(deviceId ? { device_id: deviceId } : { time_zone: timeZone }) },
      }),
    )
    return { id: opened.id, token: opened.token ?? '', code: opened.short_code ?? '', expiresAt: opened.expires_at, server: opened.server }
  },

  async attempt(id) {
    const now = await answered(api.GET('/api/v1/provisionings/{id}', { params: { path: { id } } }))
    return { state: now.state, code: now.code ?? 0, deviceId: now.device_id ?? null }
  },

  follow(id, onStep, onHeard) {
    let source: EventSource
    let timer: ReturnType<typeof setTimeout> | undefined
    const listen = () => {
      source = new EventSource(`/api/v1/provisionings/${encodeURIComponent(id)}/events`)
      source.onopen = () => onHeard(true)
      source.onmessage = (event: MessageEvent<string>) => {
        const step = JSON.parse(event.data) as { step: string; code?: number }
        onStep({ step: step.step, code: step.code ?? 0 })
      }
      source.onerror = () => {
        onHeard(false)
        // The browser tries again by itself, unless the answer was a refusal.
        if (source.readyState === EventSource.CLOSED) timer = setTimeout(listen, reopenAfter)
      }
    }
    // A phone that is back on the internet need not wait for the browser's own pause.
    const again = () => {
      source.close()
      clearTimeout(timer)
      listen()
    }
    addEventListener('online', again)
    listen()
    return () => {
      removeEventListener('online', again)
      clearTimeout(timer)
      source.close()
    }
  },

  async report(id, report) {
    await answered(api.POST('/api/v1/provisionings/{id}/steps', { params: { path: { id } }, body: report }))
  },

  async cancel(id) {
    await answered(api.DELETE('/api/v1/provisionings/{id}', { params: { path: { id } } }))
  },

  async rename(deviceId, name) {
    await answered(api.PATCH('/api/v1/devices/{id}', { params: { path: { id: deviceId } }, body: { name } }))
  },
}
