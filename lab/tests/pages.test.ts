import { expect } from 'vitest'
import { reads } from '../browser/browser.ts'
import type { Chromium, ChromiumTab } from '../browser/chromium.ts'
import { anna, isOnline, wizardOf } from './customer.ts'
import { inspect as look, worded } from './inspect.ts'
import { test } from './start.ts'
import { wordsIn } from './words.ts'

async function inspect(tab: ChromiumTab, what: string): Promise<void> {
  await look(tab, what)
  await worded(tab, what)
}

test.for(['en', 'ar'] as const)('the wizard’s pages in %s, each step: axe, small windows, words', async (language, { startLab }) => {
  const lab = await startLab()
  const words = wordsIn(language)
  const product = lab.product.name
  const home = { network: lab.home.ssid }
  const phone = await lab.phone('chromium', { locale: language })
  const tab = (await phone.tab()) as ChromiumTab
  await tab.go(wizardOf(lab))
  await reads(tab, words('wizard.welcome.title', { product }))
  expect(await tab.evaluate('[document.documentElement.lang, document.documentElement.dir]')).toEqual([language, language === 'ar' ? 'rtl' : 'ltr'])
  await inspect(tab, 'welcome')
  await tab.tap('button', words('wizard.welcome.begin'))
  await reads(tab, words('wizard.account.title'))
  await inspect(tab, 'account')
  await tab.type(words('common.account.email'), anna.email)
  await tab.page.locator('input[type=password]').fill(anna.password)
  await tab.tap('button', words('common.account.sign_up'))
  await reads(tab, words('wizard.join.title', { product }))
  await tab.page.getByText(words('wizard.join.more')).click()
  await inspect(tab, 'join')
  await tab.tap('button', words('wizard.join.by_hand_button'))
  await reads(tab, words('wizard.by_hand.intro'))
  await inspect(tab, 'by hand')
  await tab.tap('button', words('common.back'))
  await phone.joinSetupOf(lab.device)
  await tab.tap('button', words('wizard.join.joined', { network: lab.device.setup?.ssid ?? '' }))
  if (lab.ground.kind === 'namespaces') {
    await reads(tab, words('wizard.explain_permission.title'))
    await inspect(tab, 'permission')
    await (phone.browser as Chromium).localNetwork(lab.cloud.url, 'granted')
    await tab.tap('button', words('wizard.explain_permission.allow'))
  }
  await reads(tab, words('wizard.choose.title'))
  await tab.page.getByText(words('wizard.choose.more')).click()
  await inspect(tab, 'choose')
  const since = lab.device.mark
  await tab.tap('radio', new RegExp(`^${lab.home.ssid} `))
  await tab.type(words('wizard.choose.password'), 'not the password')
  await tab.tap('button', words('wizard.choose.connect', { product }))
  await reads(tab, words('wizard.watching.title', { product }))
  await inspect(tab, 'watching')
  await lab.device.until('setup_network_up', { since })
  await phone.joinSetupOf(lab.device)
  await reads(tab, words('wizard.error.722.title', home))
  await inspect(tab, 'failed')
  await tab.tap('button', words('common.try_again'))
  await tab.type(words('wizard.choose.password'), lab.home.password)
  await tab.tap('button', words('wizard.choose.connect', { product }))
  await reads(tab, words('wizard.online.title', { product }), 30_000)
  await inspect(tab, 'online')
  expect(phone.browser.errors.filter((error) => !/Failed to load resource|net::ERR|blocked by CORS/.test(error))).toEqual([])
})

test('the device’s own page: axe, small windows', async ({ startLab }) => {
  const lab = await startLab()
  const phone = await lab.phone('chromium')
  const tab = (await phone.tab()) as ChromiumTab
  await phone.joinSetupOf(lab.device)
  await tab.go(lab.ground.portalURL)
  await reads(tab, 'Set up your myPlant')
  await tab.page.getByText('More', { exact: true }).click()
  await inspect(tab, 'portal')
})

test('the keyboard alone leads from the box to the device online', async ({ startLab }) => {
  const lab = await startLab()
  const phone = await lab.phone('chromium')
  const tab = (await phone.tab()) as ChromiumTab
  const { keyboard } = tab.page
  /** Tabs on until that is in focus; fails when it has gone round. */
  const to = async (name: RegExp) => {
    const seen: string[] = []
    for (let i = 0; i < 40; i++) {
      await keyboard.press('Tab')
      const focused = await tab.evaluate<string>(`(() => { const e = document.activeElement; return [e.getAttribute('aria-label'), ...[...(e.labels ?? [])].map((l) => l.innerText), e.innerText].filter(Boolean).join(' ').replace(/\\s+/g, ' ').trim() })()`)
      if (name.test(focused)) return
      seen.push(focused)
    }
    throw new Error(`Tab never comes to ${String(name)}, but to ${seen.join(' | ')}`)
  }
  const press = async (name: RegExp) => {
    await to(name)
    await keyboard.press('Enter')
  }
  await tab.go(wizardOf(lab))
  await reads(tab, 'Welcome to your myPlant')
  await press(/^Set it up$/)
  await reads(tab, 'Your account')
  // Each new step has the focus at its headline.
  expect(await tab.evaluate('document.activeElement.tagName')).toBe('H1')
  await to(/^E-mail address/)
  await keyboard.type(anna.email)
  await to(/^Password/)
  await keyboard.type(anna.password)
  await keyboard.press('Enter')
  await reads(tab, 'Join the WiFi of your myPlant')
  await phone.joinSetupOf(lab.device)
  await press(/^I’m connected to/)
  if (lab.ground.kind === 'namespaces') {
    await reads(tab, 'Your browser asks first')
    await (phone.browser as Chromium).localNetwork(lab.cloud.url, 'granted')
    await press(/^Ask me now/)
  }
  await reads(tab, 'Choose your home WiFi')
  await to(/Home/)
  await keyboard.press('Space')
  await to(/^Password of this WiFi/)
  await keyboard.type(lab.home.password)
  await keyboard.press('Enter')
  await isOnline(lab, tab)
})

test('a maker’s own words come with the page in its language, and when another is chosen', async ({ startLab }) => {
  const lab = await startLab()
  const own = { en: 'Shall we?', fr: 'On y va ?' }
  for (const [language, begin] of Object.entries(own)) await lab.cloud.api('PUT', `/products/${lab.product.id}/texts/${language}`, { texts: { 'wizard.welcome.begin': begin } })
  const phone = await lab.phone('chromium', { locale: 'en-GB' })
  const tab = (await phone.tab()) as ChromiumTab
  const asked = () => (phone.browser.requests ?? []).filter(({ url }) => url.includes('/api/v1/wizard/')).length
  await tab.go(wizardOf(lab))
  await reads(tab, own.en)
  expect(asked()).toBe(0)
  for (const [language, begin] of [['fr', own.fr], ['de', wordsIn('de')('wizard.welcome.begin')], ['en', own.en]] as const) {
    await tab.page.getByRole('combobox').selectOption(language)
    await reads(tab, begin)
  }
  expect(asked()).toBe(1)
})

test.for(['en', 'ar'] as const)('the app’s pages in %s: axe, small windows, words', async (language, { startLab }) => {
  const lab = await startLab()
  const words = wordsIn(language)
  const account = await lab.cloud.account('owner@example.org')
  const device = await lab.own(account)
  await lab.device.measure('V0', '42.5')
  const phone = await lab.phone('chromium', { locale: language })
  const tab = (await phone.tab()) as ChromiumTab
  await tab.go(lab.cloud.url)
  await tab.page.locator('main h1').waitFor()
  await inspect(tab, 'signed out')
  await tab.type(words('common.account.email'), account.email)
  await tab.page.locator('input[type=password]').fill(account.password)
  await tab.page.locator('form button.full').click()
  await reads(tab, words('app.devices.title'))
  await reads(tab, 'myPlant')
  await inspect(tab, 'devices')
  for (const [path, shows] of [[`/devices/${device.id}`, '42.5'], [`/devices/${device.id}/log`, 'myPlant'], ['/account', words('app.account.title')], ['/add', 'myPlant'], ['/devices/unknown', words('app.device.gone_title')]] as const) {
    await tab.go(lab.cloud.url + path)
    await reads(tab, shows)
    await inspect(tab, path)
  }
})
