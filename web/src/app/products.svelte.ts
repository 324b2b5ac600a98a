import { answered, api } from '../api/client.ts'
import type { components } from '../api/schema.d.ts'
import { saidOf } from './problems.ts'

export type Product = components['schemas']['Product']

/** The products that pages have asked for, by id; they change so rarely that one look lasts as long as the page. */
let known = $state.raw<Readonly<Record<string, Product>>>({})
const asked = new Set<string>()

export function products(): Readonly<Record<string, Product>> {
  return known
}


/** A product from the cloud. Ends with an ApiError. */
export async function fetchProduct(id: string): Promise<Product> {
  const found = await answered(api.GET('/api/v1/products/{id}', { params: { path: { id } } }))
  known = { ...known, [id]: found }
  return found
}

/** Sees to it that a product becomes known; a page does without it until then. */
export function wantProduct(id: string): void {
  if (asked.has(id)) return
  asked.add(id)
  fetchProduct(id).catch((error: unknown) => {
    asked.delete(id)
    saidOf(error)
  })
}
