import { expect } from 'vitest'
import { reads } from '../browser/browser.ts'
import { allowLocalNetwork } from './customer.ts'
import { test } from './start.ts'

test('an owned device moves to another WiFi, and stays the same device', async ({ startLab }) => {
  const lab = await startLab()
  const owner = await lab.cloud.account('owner@example.org')
  const device = await lab.own(owner)
  await lab.cloud.api('PATCH', `/devices/${device.id}`, { name: 'Fern' })
  const attic = { ssid: 'Attic', password: 'under the roof', rssi: -58 }
  lab.device.around([...lab.around(), attic])

  const phone = await lab.phone('chromium')
  const tab = await phone.tab()
  await tab.go(`${lab.cloud.url}/devices/${device.id}`)
  await tab.type('E-mail address', owner.email)
  await tab.type(/^Password/, owner.password)
  await tab.tap('button', /^Sign in$/)
  await tab.tap('button', 'Move to another WiFi')
  await reads(tab, 'First bring Fern into setup: hold its button')
  await tab.tap('button', 'Begin')
  await tab.tap('button', 'Set it up')
  await reads(tab, 'Join the WiFi of your myPlant')

  const since = lab.device.mark
  await lab.device.button(3_000)
  await lab.device.until('setup_network_up', { since })
  expect(await lab.device.state()).toMatchObject({ configured: true })
  await phone.joinSetupOf(lab.device)
  await tab.tap('button', /^I’m connected to/)
  await allowLocalNetwork(lab, phone, tab)
  await reads(tab, 'Choose your home WiFi')
  await tab.tap('radio', /^Attic/)
  await tab.type('Password of this WiFi', attic.password)
  await tab.tap('button', 'Connect my myPlant')
  await reads(tab, 'back online, on its new WiFi', 30_000)
  expect(await lab.cloud.devices()).toMatchObject([{ id: device.id, name: 'Fern', online: true }])
  expect(await lab.device.state()).toMatchObject({ home_network: 'Attic', configured: true, trial: false })
})
