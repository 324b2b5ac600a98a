import { Catalogue, type Params, type Texts } from './catalogue.ts'
import { chooseLanguage, directionOf, isLanguage, localeFor, type Language } from './languages.ts'
import { forget, recall, remember } from '../storage.ts'

/** The parts of the catalogues: the wizard's, with what all pages share, and the app's. */
export type Part = 'wizard' | 'app'

// Vite makes a file of each, named words-<language>-<part>.
const files = import.meta.glob<Texts>(['../../messages/*/wizard.json', '../../messages/*/app.json'], { import: 'default' })

const storageKey = 'tendril.language'

let current = $state<Language>('en')
let catalogue = $state.raw(new Catalogue([]))
const loaded = new Map<string, Texts>()
let parts: Part[] = []
let overrides: Record<string, Texts> = {}

async function load(language: Language, part: Part): Promise<Texts> {
  const id = `${language}/${part}`
  let texts = loaded.get(id)
  if (!texts) {
    texts = (await files[`../../messages/${id}.json`]?.()) ?? {}
    loaded.set(id, texts)
  }
  return texts
}

function rebuild(language: Language): void {
  const layers: (readonly [Language, Texts])[] = []
  for (const l of language === 'en' ? (['en'] as const) : ([language, 'en'] as const)) {
    const own = overrides[l]
    if (own) layers.push([l, own])
    for (const part of parts) layers.push([l, loaded.get(`${l}/${part}`) ?? {}])
  }
  catalogue = new Catalogue(layers)
  current = language
  document.documentElement.lang = language
  document.documentElement.dir = directionOf(language)
}

/** Loads what a page needs in the language in use. English comes only where it is spoken: every language is complete. */
export async function need(...wanted: Part[]): Promise<void> {
  parts = [...new Set([...parts, ...wanted])]
  await Promise.all(parts.map((part) => load(current, part)))
  rebuild(current)
}

/** Starts with the customer's choice, else the browser's. */
export async function startLanguage(...wanted: Part[]): Promise<void> {
  const chosen = recall(storageKey)
  current = chosen && isLanguage(chosen) ? chosen : chooseLanguage(navigator.languages)
  await need(...wanted)
}

/** Changes the language, for this browser, for good. */
export async function setLanguage(language: Language): Promise<void> {
  await Promise.all(parts.map((part) => load(language, part)))
  rebuild(language)
  remember(storageKey, language)
}

/** Whether somebody chose a language in this browser. */
export function hasChosenLanguage(): boolean {
  return recall(storageKey) !== null
}

/** Follows the browser again. */
export async function followBrowser(): Promise<void> {
  forget(storageKey)
  const language = chooseLanguage(navigator.languages)
  await Promise.all(parts.map((part) => load(language, part)))
  rebuild(language)
}

/** The maker's own words, by language; they stand before the catalogue's. */
export function override(texts: Record<string, Texts>): void {
  overrides = texts
  rebuild(current)
}

/** The text of a key in the language in use. */
export function t(key: string, params?: Params): string {
  return catalogue.format(key, params)
}

export function language(): Language {
  return current
}

export function direction(): 'ltr' | 'rtl' {
  return directionOf(current)
}

/** The language in use with the region of the browser, for numbers and times. */
export function locale(): string {
  return localeFor(current, navigator.languages)
}

export function formatNumber(value: number, options?: Intl.NumberFormatOptions): string {
  return new Intl.NumberFormat(locale(), options).format(value)
}

export function formatTime(at: Date, options: Intl.DateTimeFormatOptions = { dateStyle: 'medium', timeStyle: 'short' }): string {
  return new Intl.DateTimeFormat(locale(), options).format(at)
}

const units: [Intl.RelativeTimeFormatUnit, number][] = [['day', 86400], ['hour', 3600], ['minute', 60]]

/** "3 minutes ago" in the language in use; less than a minute is "now". */
export function formatAgo(at: Date, now: Date = new Date(), style: Intl.RelativeTimeFormatStyle = 'long'): string {
  const seconds = Math.min(0, Math.round((at.getTime() - now.getTime()) / 1000))
  const [unit, size] = units.find(([, size]) => -seconds >= size) ?? ['second', Infinity]
  return new Intl.RelativeTimeFormat(locale(), { numeric: 'auto', style }).format(Math.trunc(seconds / size), unit)
}
