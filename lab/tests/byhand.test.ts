import { expect } from 'vitest'
import { plain, reads } from '../browser/browser.ts'
import type { Chromium, ChromiumTab } from '../browser/chromium.ts'
import { chooseHome, isOnline, joinSetup, signUpAndBegin, wizardOf } from './customer.ts'
import { findSecret } from '../search.ts'
import { onNetworks, test } from './start.ts'

test('by hand: another phone without scripts, and a short code', async ({ startLab }) => {
  const lab = await startLab()
  const phone = await lab.phone('chromium')
  const tab = (await phone.tab()) as ChromiumTab
  await signUpAndBegin(lab, tab)
  await tab.page.getByText('Other ways').click()
  await tab.tap('button', 'Set it up on its own page')
  const code = /[0-9A-Z]{4}-[0-9A-Z]{4}-[0-9A-Z]{4}/.exec(await reads(tab, 'You need this code'))?.[0]
  expect(code).toBeDefined()

  const old = await lab.phone('chromium', { scripts: false })
  await old.joinSetupOf(lab.device)
  const page = (await old.tab()) as ChromiumTab
  await page.go(lab.ground.portalURL)
  await page.type('Home WiFi’s name', lab.home.ssid)
  await page.type('WiFi password', 'not the password')
  await page.type('Code', code!.toLowerCase().replaceAll('-', ' '))
  const since = lab.device.mark
  await page.tap('button', 'Connect')
  await expect.poll(() => page.page.locator('body').innerText().then(plain)).toContain('connecting')
  await lab.device.until('setup_network_up', { since })
  await old.settled()

  await old.joinSetupOf(lab.device)
  await page.go(lab.ground.portalURL)
  await page.type('Home WiFi’s name', lab.home.ssid)
  await page.type('WiFi password', lab.home.password)
  await page.type('Code', code!)
  await page.tap('button', 'Connect')
  await isOnline(lab, tab)
  // Who typed it has it in no history: it went as a form.
  const { profile } = old.browser
  await old.close()
  expect(findSecret(profile!, lab.home.password)).toEqual([])
})

// On loopback the browser needs no permission, and so no window.
test.runIf(onNetworks)('the hop: out to the device’s page and back, then by hand', async ({ startLab }) => {
  const lab = await startLab()
  const phone = await lab.phone('chromium')
  await (phone.browser as Chromium).localNetwork(lab.cloud.url, 'denied')
  const tab = (await phone.tab()) as ChromiumTab
  await signUpAndBegin(lab, tab)
  const opened = await tab.opens(() => joinSetup(lab, phone, tab))
  await reads(tab, 'Choose your home WiFi')
  await opened.close()
  await chooseHome(lab, tab)
  await reads(tab, 'The page of your myPlant was closed')
  await tab.page.getByText('Nothing happens?').click()
  await tab.tap('button', 'Go there and come back')
  await reads(tab, `Go on at ${lab.cloudHost}?`)
  expect(await tab.url()).toMatch(`${lab.ground.portalURL}/#return=`)
  await tab.tap('button', 'Go on')
  // The internet is away: the service worker answers.
  expect(await reads(tab, 'Set it up on its own page')).toContain('hears these networks: Home')
  expect(await tab.url()).toBe(wizardOf(lab))
  expect(phone.network).toBe('Blynk myPlant')
})
