import { describe, expect, test } from 'vitest'
import { Catalogue } from './catalogue.ts'
import { chooseLanguage, localeFor } from './languages.ts'

describe('a catalogue', () => {
  test('prefers the maker’s words, then the language’s, then English', () => {
    const catalogue = new Catalogue([
      ['de', { a: 'Pflanze' }],
      ['de', { a: 'Gerät', b: 'Weiter' }],
      ['en', { a: 'device', b: 'Continue', c: 'Back' }],
    ])
    expect(['a', 'b', 'c', 'd'].map((key) => catalogue.format(key))).toEqual(['Pflanze', 'Weiter', 'Back', 'd'])
  })

  test('passes over a text that can’t be formatted', () => {
    const catalogue = new Catalogue([
      ['de', { a: '{n, plural, one {ein', b: 'Hallo {nobody}' }],
      ['en', { a: '{n, plural, one {# device} other {# devices}}', b: 'Hello' }],
    ])
    expect(catalogue.format('a', { n: 2 })).toBe('2 devices')
    expect(catalogue.format('b', {})).toBe('Hello')
  })

  test('uses the plural forms of the language that the text is in', () => {
    const texts = { n: '{n, plural, one {# sieć} few {# sieci} many {# sieci!} other {# sieci?}}' }
    const catalogue = new Catalogue([['pl', texts]])
    expect([1, 3, 5].map((n) => catalogue.format('n', { n }))).toEqual(['1 sieć', '3 sieci', '5 sieci!'])
  })

  test('fills in what a text asks for by name, as the library does', () => {
    const format = (text: string, params: Record<string, string | number | Date>) => new Catalogue([['en', { a: text }]]).format('a', params)
    expect(format('{a} of {b}: {a}', { a: 1.5, b: '$& {a}' })).toBe('1.5 of $& {a}: 1.5')
    expect(format('{a}{b}', { a: '', b: 0 })).toBe('0')
    expect(format('It’s {a}', { a: 'it' })).toBe('It’s it')
    expect(format("It''s '{'{a}'}'", { a: 'it' })).toBe("It's {it}")
    expect(format('{ a }', { a: 'it' })).toBe('it')
    expect(format('{a', { a: 'it' })).toBe('a')
    expect(format('{a, date, ::yyyy}', { a: new Date(2030, 5) })).toBe('2030')
  })

  test('shows markup as it is', () => {
    expect(new Catalogue([['en', { a: '<b>{x}</b>' }]]).format('a', { x: '<i>' })).toBe('<b><i></b>')
  })

  test('keeps values of another direction apart', () => {
    const join = (language: 'ar' | 'en', network: string) => new Catalogue([[language, { a: '{network} {n, number}!' }]]).format('a', { network, n: 5 })
    expect(join('ar', 'Home (2)')).toBe('\u2068Home (2)\u2069 5!')
    expect(join('en', 'شبكة')).toBe('\u2068شبكة\u2069 5!')
    expect(join('en', 'Home (2)')).toBe('Home (2) 5!')
  })

  test('does not take what every object has for a text', () => {
    expect(new Catalogue([['en', {}]]).format('toString')).toBe('toString')
  })
})

test('the first wanted language that there is is chosen', () => {
  expect(chooseLanguage(['tlh', 'pt-BR', 'de'])).toBe('pt')
  expect(chooseLanguage(['zh-Hant-TW'])).toBe('zh')
  expect(chooseLanguage(['xx'])).toBe('en')
  expect(chooseLanguage(['constructor'])).toBe('en')
})

test('numbers and times are written as in the browser’s own region', () => {
  expect(localeFor('en', ['de-DE', 'en-GB', 'en-US'])).toBe('en-GB')
  expect(localeFor('pt', ['en-US', 'de'])).toBe('pt')
})
