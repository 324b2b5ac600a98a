/** What the wizard needs to know of a product: `GET /api/v1/wizard/{slug}`. */
export interface WizardProduct {
  product_id: string
  slug: string
  name: string
  vendor: string
  /** What its devices serve on their setup network. */
  setup: 'tendril' | 'edgent'
  setup_network: { ssid_prefix: string; unit_suffix: boolean }
  /** Where the portal is once the phone is on the setup network. */
  portal_url: string
  accent: string
  accent_dark: string
  logo_url: string | null
  /** The maker's own words: language, key, ICU MessageFormat. */
  texts: Record<string, Record<string, string>>
}
