import { kinds, reads } from '../browser/browser.ts'
import type { Chromium } from '../browser/chromium.ts'
import { chooseHome, isOnline, joinSetup, keptToThemselves, signUpAndBegin } from './customer.ts'
import { onNetworks, test } from './start.ts'

// A page of this machine may reach this machine, so that on loopback only browsers that block mixed content need a window.
const byWindow = onNetworks ? kinds : (['firefox', 'webkit'] as const)

test.for(byWindow)('by window in %s: the device’s own page hands over, after a tap there', async (kind, { startLab }) => {
  const lab = await startLab()
  const phone = await lab.phone(kind)
  if (kind === 'chromium') await (phone.browser as Chromium).localNetwork(lab.cloud.url, 'denied')
  const tab = await phone.tab()
  await signUpAndBegin(lab, tab)
  const opened = await tab.opens(() => joinSetup(lab, phone, tab))
  await chooseHome(lab, tab)
  await reads(tab, 'Switch to the page of your myPlant and tap Connect there.')
  await reads(opened, 'Connect this device to “Home”?')
  await opened.tap('button', 'Connect')
  await reads(opened, 'Done. The device is connecting.')
  await isOnline(lab, tab)
  await keptToThemselves(lab, phone)
})
