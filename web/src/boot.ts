import type { WizardProduct } from './wizard/product.ts'

/** What the server wrote into the page, so that the first look needs no further request. */
export interface Boot {
  /** The product that the page is about; null on the instance's own pages. */
  product: WizardProduct | null
  /** Why there is no product although the address names one. */
  missing: boolean
  /** The language that the page was served in. */
  language: string
  /** Whether the product has all of the maker's words, not only that language's and English. */
  whole: boolean
  version: string
}

/** Reads what the server wrote; a page served by Vite alone has nothing. */
export function readBoot(document: Document): Boot {
  const text = document.getElementById('boot')?.textContent
  if (!text) return { product: null, missing: false, language: 'en', whole: true, version: 'dev' }
  return JSON.parse(text) as Boot
}
