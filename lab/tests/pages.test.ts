import { expect } from 'vitest'
import { reads } from '../browser/browser.ts'
import type { Chromium, ChromiumTab } from '../browser/chromium.ts'
import { allowLocalNetwork, anna, chooseHome, isOnline, wizardOf } from './customer.ts'
import { inspect as look, worded } from './inspect.ts'
import { test } from './start.ts'

async function inspect(tab: ChromiumTab, what: string): Promise<void> {
  await look(tab, what)
  await worded(tab, what)
}

test('the wizard’s pages, each step: axe, small windows, words', async ({ startLab }) => {
  const lab = await startLab()
  const phone = await lab.phone('chromium')
  const tab = (await phone.tab()) as ChromiumTab
  await tab.go(wizardOf(lab))
  await reads(tab, 'Welcome to your myPlant')
  await inspect(tab, 'welcome')
  await tab.tap('button', 'Set it up')
  await reads(tab, 'Your account')
  await inspect(tab, 'account')
  await tab.type('E-mail address', anna.email)
  await tab.type(/^Password/, anna.password)
  await tab.tap('button', 'Make an account')
  await reads(tab, 'Join the WiFi of your myPlant')
  await tab.page.getByText('Other ways').click()
  await inspect(tab, 'join')
  await tab.tap('button', 'Set it up on its own page')
  await reads(tab, 'You need this code')
  await inspect(tab, 'by hand')
  await tab.tap('button', 'Back')
  await phone.joinSetupOf(lab.device)
  await tab.tap('button', /^I’m connected to/)
  if (lab.ground.kind === 'namespaces') {
    await reads(tab, 'Your browser asks first')
    await inspect(tab, 'permission')
  }
  await allowLocalNetwork(lab, phone, tab)
  await reads(tab, 'Choose your home WiFi')
  await tab.page.getByText('More settings').click()
  await inspect(tab, 'choose')
  const since = lab.device.mark
  await chooseHome(lab, tab, 'not the password')
  await reads(tab, 'Your myPlant is connecting')
  await inspect(tab, 'watching')
  await lab.device.until('setup_network_up', { since })
  await phone.joinSetupOf(lab.device)
  await reads(tab, 'The password of Home is wrong.')
  await inspect(tab, 'failed')
  await tab.tap('button', 'Try again')
  await tab.type('Password of this WiFi', lab.home.password)
  await tab.tap('button', 'Connect my myPlant')
  await isOnline(lab, tab)
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

test('from right to left: axe, and nothing sticks out', async ({ startLab }) => {
  const lab = await startLab()
  const phone = await lab.phone('chromium')
  const tab = (await phone.tab()) as ChromiumTab
  await tab.go(wizardOf(lab))
  await tab.page.locator('main h1').waitFor()
  // Whatever languages there are, the layout turns round.
  await tab.evaluate('void (document.documentElement.dir = "rtl")')
  await look(tab, 'welcome')
  await tab.page.locator('main button').first().click()
  await tab.page.locator('input[type=email]').waitFor()
  await look(tab, 'account')
})

test('the app’s pages: axe, small windows, words', async ({ startLab }) => {
  const lab = await startLab()
  const account = await lab.cloud.account('owner@example.org')
  const device = await lab.own(account)
  await lab.device.measure('V0', '42.5')
  const phone = await lab.phone('chromium')
  const tab = (await phone.tab()) as ChromiumTab
  await tab.go(lab.cloud.url)
  await tab.page.locator('main h1').waitFor()
  await inspect(tab, 'signed out')
  await tab.type('E-mail address', account.email)
  await tab.type(/^Password/, account.password)
  await tab.page.locator('form button.full').click()
  await reads(tab, 'Your devices')
  await reads(tab, 'myPlant')
  await inspect(tab, 'devices')
  for (const [path, shows] of [[`/devices/${device.id}`, '42.5'], [`/devices/${device.id}/log`, 'myPlant'], ['/account', 'Your account'], ['/add', 'myPlant'], ['/devices/unknown', 'isn’t in your account']] as const) {
    await tab.go(lab.cloud.url + path)
    await reads(tab, shows)
    await inspect(tab, path)
  }
})
