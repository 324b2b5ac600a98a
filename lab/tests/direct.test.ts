import { expect } from 'vitest'
import { reads } from '../browser/browser.ts'
import { allowLocalNetwork, chooseHome, ends, isOnline, joinSetup, keptToThemselves, signUpAndBegin, timelines } from './customer.ts'
import { onNetworks, test } from './start.ts'

test('direct: from the box to the device online', async ({ startLab }) => {
  const lab = await startLab()
  const phone = await lab.phone('chromium')
  const tab = await phone.tab()
  await signUpAndBegin(lab, tab)
  expect(await lab.cloud.attempts()).toMatchObject([{ state: 'issued', product_id: lab.product.id }])
  expect(await lab.cloud.devices()).toEqual([])

  await joinSetup(lab, phone, tab)
  await allowLocalNetwork(lab, phone, tab)
  await chooseHome(lab, tab)
  await isOnline(lab, tab)
  expect(await ends(lab)).toEqual([['issued', 'online']])
  await tab.type('What do you call it?', 'Fern')
  await tab.tap('button', 'Save the name')
  await reads(tab, 'Saved')
  expect(await lab.cloud.devices()).toMatchObject([{ name: 'Fern' }])
  expect(phone.network).toBe('Home')
  await keptToThemselves(lab, phone)
})

test.runIf(onNetworks)('direct: with mobile data the cloud hears of every step', async ({ startLab }) => {
  const lab = await startLab()
  const phone = await lab.phone('chromium')
  await phone.mobileData(true)
  const tab = await phone.tab()
  await signUpAndBegin(lab, tab)
  await joinSetup(lab, phone, tab)
  await allowLocalNetwork(lab, phone, tab)
  await chooseHome(lab, tab)
  await isOnline(lab, tab)
  expect(await timelines(lab)).toEqual([['issued', 'portal_found', 'configuration_accepted', 'online']])
  await keptToThemselves(lab, phone)
})
