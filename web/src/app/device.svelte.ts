import type { Said } from '../account/problems.ts'
import { answered, api, ApiError } from '../api/client.ts'
import type { components } from '../api/schema.d.ts'
import type { Written } from './datastream.ts'
import { saidOf } from './problems.ts'
import { fetchProduct, type Product } from './products.svelte.ts'
import { watch } from './stream.ts'
import { begin, reduce, type Action, type View } from './view.ts'

export type Device = components['schemas']['Device']

/** One device, live, for as long as its page is open. */
export class OpenDevice {
  readonly id: string
  /** Null until it is known. */
  device = $state.raw<Device | null>(null)
  product = $state.raw<Product | null>(null)
  view = $state.raw<View | null>(null)
  problem = $state.raw<Said | null>(null)
  /** There is no such device, or no more. */
  gone = $state(false)
  #writes = 0

  constructor(id: string) {
    this.id = id
  }

  async load(): Promise<void> {
    this.problem = null
    const params = { params: { path: { id: this.id } } }
    try {
      const [device, readings] = await Promise.all([
        answered(api.GET('/api/v1/devices/{id}', params)),
        answered(api.GET('/api/v1/devices/{id}/datastreams', { params: { ...params.params, query: { limit: 200 } } })),
      ])
      this.product = await fetchProduct(device.product_id)
      this.view = begin(device, readings.items)
      this.device = device
    } catch (error) {
      this.#failed(error)
    }
  }

  /** Follows what happens until the function that it gives is called; for a device that is known. */
  follow(): () => void {
    return watch(this.id, (action) => this.#act(action), () => void this.#look())
  }

  /** Writes a value: it shows at once, and is taken back if the cloud refuses it. */
  async write(pin: string, value: Written): Promise<void> {
    const id = ++this.#writes
    this.#act({ type: 'wrote', pin, id, value })
    try {
      const { delivered } = await answered(api.PUT('/api/v1/devices/{id}/datastreams/{pin}', { params: { path: { id: this.id, pin } }, body: { value } }))
      this.#act({ type: 'accepted', pin, id, delivered, at: new Date().toISOString() })
    } catch (error) {
      this.#act({ type: 'refused', pin, id, said: saidOf(error) })
    }
  }

  /** Finds out why the cloud refused the stream: the device may be gone, or the session. */
  async #look(): Promise<void> {
    try {
      this.device = await answered(api.GET('/api/v1/devices/{id}', { params: { path: { id: this.id } } }))
    } catch (error) {
      // While the page shows something, what it says of the connection is enough.
      if (error instanceof ApiError && error.status === 404) this.gone = true
      else saidOf(error)
    }
  }

  #act(action: Action): void {
    if (this.view) this.view = reduce(this.view, action)
  }

  #failed(error: unknown): void {
    if (error instanceof ApiError && error.status === 404) this.gone = true
    else this.problem = saidOf(error)
  }
}
