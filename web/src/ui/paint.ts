import type { WizardProduct } from '../wizard/product.ts'

/** Gives the page the product's colours; both were checked for contrast by the cloud. */
export function paint(product: Pick<WizardProduct, 'accent' | 'accent_dark'>): void {
  const style = document.documentElement.style
  style.setProperty('--accent-light', product.accent)
  style.setProperty('--accent-dark', product.accent_dark)
}

/** Gives the page its own colours back. */
export function unpaint(): void {
  const style = document.documentElement.style
  style.removeProperty('--accent-light')
  style.removeProperty('--accent-dark')
}
