import { readFileSync } from 'node:fs'

/** The text of a key as a page in that language shows it, of those without plurals. */
export type Words = (key: string, params?: Record<string, string>) => string

/** The catalogues' words in a language. */
export function wordsIn(language: string): Words {
  const texts: Record<string, string> = Object.assign(
    {},
    ...['wizard', 'app'].map((part) => JSON.parse(readFileSync(new URL(`../../web/messages/${language}/${part}.json`, import.meta.url), 'utf8')) as unknown),
  )
  return (key, params = {}) => {
    const text = texts[key]
    if (text === undefined) throw new Error(`${language} has no ${key}`)
    // From right to left, values are kept apart (Unicode Annex 9).
    return text.replace(/\{([a-z_]+)\}/g, (_, name: string) => (language === 'ar' ? `\u2068${params[name]}\u2069` : String(params[name])))
  }
}
