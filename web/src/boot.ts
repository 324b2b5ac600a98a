import type { WizardProduct } from './wizard/product.ts'

/** What the server wrote into the page, so that the first look needs no further request. */
export interface Boot {
  /** The product that the page is about; null on the instance's own pages. */
  product: WizardProduct | null
  /** Why there is no product although the address names one. */
  missing: boolean
  version: string
}

/** Reads what the server wrote; a page served by Vite alone has nothing. */
export function readBoot(document: Document): Boot {
  const text = document.getElementById('boot')?.textContent
  if (!text) return { product: null, missing: false, version: 'dev' }
  return JSON.parse(text) as Boot
}
