import { IntlMessageFormat } from 'intl-messageformat'
import { directionOf, type Language } from './languages.ts'

/** Texts by key, in ICU MessageFormat. */
export type Texts = Record<string, string>

export type Params = Record<string, string | number | Date>

/**
 * The words of one language: the maker's own first, then the catalogue's, then
 * English. Formatting never throws: a text that can't be formatted is passed over
 * for the next, and a key that nobody knows is shown as itself.
 */
export class Catalogue {
  readonly #layers: readonly (readonly [language: Language, texts: Texts])[]
  readonly #formats = new Map<string, IntlMessageFormat>()

  constructor(layers: readonly (readonly [Language, Texts])[]) {
    this.#layers = layers
  }

  format(key: string, params?: Params): string {
    for (const [language, texts] of this.#layers) {
      const text = Object.hasOwn(texts, key) ? texts[key] : undefined
      if (text === undefined) continue
      const values = isolated(language, params)
      const filled = fill(text, values)
      if (filled !== null) return filled
      try {
        return String(this.#parsed(language, text).format(values))
      } catch {
        // A broken override must not break the page.
      }
    }
    return key
  }

  #parsed(language: Language, text: string): IntlMessageFormat {
    const id = language + '\0' + text
    let format = this.#formats.get(id)
    if (!format) {
      format = new IntlMessageFormat(text, language, undefined, { ignoreTag: true })
      this.#formats.set(id, format)
    }
    return format
  }
}

/** A text without plurals, formats or quoting. */
const simple = /^(?:[^{}']|\{\w+\})*$/

/**
 * A simple text with its words and numbers in place; null where that takes the library,
 * whose first use costs a slow phone a tenth of a second, or where something is missing.
 */
function fill(text: string, values: Params = {}): string | null {
  if (!simple.test(text)) return null
  let whole = true
  const filled = text.replace(/\{(\w+)\}/g, (_, name: string) => {
    const value = Object.hasOwn(values, name) ? values[name] : undefined
    whole &&= typeof value === 'string' || typeof value === 'number'
    return String(value)
  })
  return whole ? filled : null
}

/** Hebrew to Arabic Extended, and their presentation forms: what is written from the right. */
const fromTheRight = /[\u0590-\u08ff\ufb1d-\ufdff\ufe70-\ufeff]/

/**
 * The values, those of another direction than the text's kept apart from it (U+2068 and
 * U+2069, Unicode Annex 9): a network's name must not carry off the full stop behind it.
 */
function isolated(language: Language, params?: Params): Params | undefined {
  if (!params) return undefined
  const right = directionOf(language) === 'rtl'
  return Object.fromEntries(
    Object.entries(params).map(([name, value]) => [name, typeof value === 'string' && value !== '' && (right || fromTheRight.test(value)) ? `\u2068${value}\u2069` : value]),
  )
}
