import { expect } from 'vitest'
import { reads, type Tab } from '../browser/browser.ts'
import type { Lab } from '../lab.ts'
import { allowLocalNetwork, ends, signUpAndBegin } from './customer.ts'
import { onNetworks, test } from './start.ts'

async function typeHome(lab: Lab, tab: Tab): Promise<void> {
  await reads(tab, 'Choose your home WiFi')
  await tab.type('Name of your home WiFi', lab.home.ssid)
  await tab.type('Password of this WiFi', lab.home.password)
  await tab.tap('button', 'Connect my myPlant')
}

test('Edgent, direct: a request whose answer no page may read, and the cloud’s verdict', async ({ startLab }) => {
  const lab = await startLab({ product: { setup: 'edgent', unit_suffix: true } })
  const device = await lab.addEdgent()
  const phone = await lab.phone('chromium')
  const tab = await phone.tab()
  await signUpAndBegin(lab, tab)
  await phone.join(device.ssid)
  await tab.tap('button', /^I’m connected to/)
  await allowLocalNetwork(lab, phone, tab)
  await typeHome(lab, tab)
  await reads(tab, 'Your myPlant is online', 30_000)
  expect(device.asked).toContain('GET /config blynk,host,if,pass,port,port_ssl,ssid')
  expect(await lab.cloud.devices()).toMatchObject([{ online: true, product_id: lab.product.id }])
  expect(await ends(lab)).toEqual([['issued', 'online']])
})

test.runIf(onNetworks)('Edgent in Firefox: to the device’s address, after a plain warning', async ({ startLab }) => {
  const lab = await startLab({ product: { setup: 'edgent', unit_suffix: true } })
  const device = await lab.addEdgent()
  const phone = await lab.phone('firefox')
  const tab = await phone.tab()
  await signUpAndBegin(lab, tab)
  await phone.join(device.ssid)
  await tab.tap('button', /^I’m connected to/)
  await typeHome(lab, tab)
  await reads(tab, 'Your browser will remember the password')
  expect(device.asked.filter((call) => call.includes('/config'))).toEqual([])
  await tab.tap('button', 'I understand, go on')
  await reads(tab, 'Your myPlant is online', 30_000)
  expect(await lab.cloud.devices()).toMatchObject([{ online: true, product_id: lab.product.id }])
})
