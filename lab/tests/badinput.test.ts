import { expect } from 'vitest'
import { reads } from '../browser/browser.ts'
import type { ChromiumTab } from '../browser/chromium.ts'
import { allowLocalNetwork, chooseHome, ends, isOnline, joinSetup, signUpAndBegin } from './customer.ts'
import { test } from './start.ts'

test('a device of another product is told by name, and the right one still goes', async ({ startLab }) => {
  const lab = await startLab()
  const stranger = await lab.addDevice({ product: await lab.makeProduct({ name: 'Lamp', vendor: 'Other' }) })
  const phone = await lab.phone('chromium')
  const tab = await phone.tab()
  await signUpAndBegin(lab, tab)
  await phone.joinSetupOf(stranger)
  await tab.tap('button', /^I’m connected to/)
  await allowLocalNetwork(lab, phone, tab)
  await reads(tab, 'This is a different product')
  await reads(tab, 'belongs to Lamp, not to a myPlant')
  expect((await stranger.state()).state).toBe('setup')

  await joinSetup(lab, phone, tab)
  await chooseHome(lab, tab)
  await isOnline(lab, tab)
})

test('another unit gets an attempt of its own, the first one’s ended before', async ({ startLab }) => {
  const lab = await startLab({ product: { unit_suffix: true } })
  const [first, second] = [await lab.addDevice({ unitSuffix: true }), await lab.addDevice({ unitSuffix: true })]
  const phone = await lab.phone('chromium')
  const tab = await phone.tab()
  await signUpAndBegin(lab, tab)
  await phone.joinSetupOf(first)
  await tab.tap('button', /^I’m connected to/)
  await allowLocalNetwork(lab, phone, tab)
  await chooseHome(lab, tab, 'not the password')
  await first.until('setup_network_up', { since: first.mark })

  await phone.joinSetupOf(second)
  await reads(tab, 'This is the WiFi of another myPlant', 30_000)
  await tab.tap('button', 'Go on with this one')
  await reads(tab, 'This is not the myPlant that you began with')
  await phone.join('Home')
  await tab.tap('button', 'Try again')
  await reads(tab, 'Join the WiFi of your myPlant')
  await phone.joinSetupOf(second)
  await tab.tap('button', /^I’m connected to/)
  await chooseHome(lab, tab)
  await reads(tab, 'Your myPlant is online', 30_000)
  expect(await ends(lab)).toEqual([['issued', 'online'], ['issued', 'cancelled']])
  expect((await second.state()).online).toBe(true)
  expect((await first.state()).configured).toBe(false)
})

type Stranger = (path: string) => { status: number; headers?: Record<string, string>; body?: string }

const cors = { 'Access-Control-Allow-Origin': '*' }

/** What answers in place of the device, and what the customer reads then. */
const strangers: [string, string, Stranger][] = [
  ['a sign-in page elsewhere', 'doesn’t answer', () => ({ status: 302, headers: { Location: 'http://hotel.example/login' } })],
  ['a page for everything', 'That was not your myPlant', () => ({ status: 200, headers: { 'Content-Type': 'text/html' }, body: '<h1>Welcome to our hotel</h1>' })],
  ['the same, for everybody to read', 'That was not your myPlant', () => ({ status: 200, headers: { ...cors, 'Content-Type': 'text/html' }, body: '<h1>Welcome</h1>' })],
  ['JSON that is no device’s', 'That was not your myPlant', () => ({ status: 200, headers: cors, body: '{"board":[]}' })],
  ['an error', 'That was not your myPlant', () => ({ status: 500, headers: cors, body: 'oops' })],
  ['much too much', 'That was not your myPlant', () => ({ status: 200, headers: cors, body: '{"board":"' + 'x'.repeat(1 << 20) })],
]

test('networks of others, and none: each has its words, and the right one still goes', async ({ startLab }) => {
  const lab = await startLab()
  const phone = await lab.phone('chromium')
  const tab = await phone.tab()
  await signUpAndBegin(lab, tab)
  await phone.leave()
  await tab.tap('button', /^I’m connected to/)
  await allowLocalNetwork(lab, phone, tab)
  await reads(tab, 'Your myPlant doesn’t answer')

  for (const [name, said, answer] of strangers) {
    let asked = 0
    const close = await lab.openNetwork(await lab.ground.addDevice(), name, (request, response) => {
      asked++
      const { status, headers, body } = answer(request.url ?? '/')
      response.writeHead(status, headers)
      response.end(body)
    })
    await phone.join(name)
    await tab.tap('button', /^I’m connected to/)
    await expect.poll(() => asked, { timeout: 10_000 }).toBeGreaterThan(0)
    await reads(tab, said)
    await close()
  }
  await joinSetup(lab, phone, tab)
  await chooseHome(lab, tab)
  await isOnline(lab, tab)
})

test('a product that there isn’t', async ({ startLab }) => {
  const lab = await startLab()
  const tab = await (await lab.phone('chromium')).tab()
  await tab.go(`${lab.cloud.url}/p/nothing`)
  await reads(tab, 'There is no such product')
})

test('messages that aren’t the device’s are dropped in silence', async ({ startLab }) => {
  const lab = await startLab()
  const strange = await lab.serve((_, response) => response.end('<!doctype html><title>Stranger</title><script>opener.postMessage({ tendril: 1, type: "hello", board: {}, networks: [] }, "*")</script>'))
  const phone = await lab.phone('chromium')
  const tab = (await phone.tab()) as ChromiumTab
  await signUpAndBegin(lab, tab)
  await tab.evaluate('void postMessage({ tendril: 1, type: "hello", board: { board: "x", tmpl_id: "TMPLxxxxxxxx" }, networks: [] }, "*")')
  const popup = tab.page.waitForEvent('popup')
  await tab.evaluate(`void open(${JSON.stringify(strange)})`)
  await popup
  expect(await reads(tab, 'Join the WiFi of your myPlant')).not.toContain('problem')
  expect((phone.browser.errors ?? []).filter((error) => /TypeError|undefined/.test(error))).toEqual([])
})
