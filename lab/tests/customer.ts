import { expect } from 'vitest'
import { reads, type Tab } from '../browser/browser.ts'
import type { Chromium } from '../browser/chromium.ts'
import type { Lab } from '../lab.ts'
import type { Phone } from '../phone.ts'
import { findSecret } from '../search.ts'

/** The customer of the stories; made anew by whoever signs up in a lab of their own. */
export const anna = { email: 'anna@example.org', password: 'four unrelated words' }

export function wizardOf(lab: Lab): string {
  return `${lab.cloud.url}/p/${lab.product['slug'] as string}`
}

/** From the product's page through signing up to the request to join the setup network. */
export async function signUpAndBegin(lab: Lab, tab: Tab): Promise<void> {
  await tab.go(wizardOf(lab))
  await tab.tap('button', 'Set it up')
  await reads(tab, 'Your account')
  await tab.type('E-mail address', anna.email)
  await tab.type(/^Password/, anna.password)
  await tab.tap('button', 'Make an account')
  await reads(tab, `Join the WiFi of your ${lab.product.name}`)
}

/** Joins the setup network and tells the wizard so. */
export async function joinSetup(lab: Lab, phone: Phone, tab: Tab): Promise<void> {
  await phone.joinSetupOf(lab.device)
  await tab.tap('button', /^I’m connected to/)
}

/** Has the browser ask for the local network, and allows it. On loopback a page of this machine needs no leave. */
export async function allowLocalNetwork(lab: Lab, phone: Phone, tab: Tab): Promise<void> {
  if (lab.ground.kind === 'loopback') return
  await reads(tab, 'Your browser asks first')
  await (phone.browser as Chromium).localNetwork(lab.cloud.url, 'granted')
  await tab.tap('button', 'Ask me now')
}

/** Chooses the home network from what the device hears, and hands over. */
export async function chooseHome(lab: Lab, tab: Tab, password = lab.home.password): Promise<void> {
  await reads(tab, 'Choose your home WiFi')
  await tab.tap('radio', new RegExp(`^${lab.home.ssid} `))
  await tab.type('Password of this WiFi', password)
  await tab.tap('button', `Connect my ${lab.product.name}`)
}

/** The end of every story: what the customer reads, and what the cloud and the device hold. */
export async function isOnline(lab: Lab, tab: Tab): Promise<void> {
  await reads(tab, `Your ${lab.product.name} is online`, 30_000)
  const [device, ...others] = await lab.cloud.devices()
  expect(others).toEqual([])
  expect(device).toMatchObject({ product_id: lab.product.id, online: true })
  expect(await lab.device.state()).toMatchObject({ state: 'online', home_network: lab.home.ssid, configured: true, trial: false, last_error: 0 })
}

/**
 * The WiFi password went to the device and nowhere else, no page asked a stranger
 * for anything, and the browser, closed, has kept nothing of it.
 */
export async function keptToThemselves(lab: Lab, phone: Phone): Promise<void> {
  const { requests, profile } = phone.browser
  await phone.browser.settled?.()
  if (requests) {
    const told = requests.filter((request) => encoded(lab.home.password).some((text) => JSON.stringify(request).includes(text)))
    expect(new Set(told.map(({ method, url }) => `${method} ${url}`))).toEqual(new Set([`POST ${lab.ground.portalURL}/config`]))
    expect(new Set(requests.map(({ url }) => new URL(url)).filter(({ protocol }) => protocol.startsWith('http')).map(({ origin }) => origin))).toEqual(new Set([lab.cloud.url, lab.ground.portalURL]))
  }
  const contacts = (await phone.ground.contacts()) ?? []
  expect(contacts.filter((contact) => !friends.test(contact))).toEqual([])
  await phone.close()
  if (profile) expect(findSecret(profile, lab.home.password)).toEqual([])
}

/**
 * The steps of every attempt, newest attempt first. What the wizard reports between
 * the first and the last step may come too late to be among them, as the phone has
 * no internet meanwhile.
 */
export async function timelines(lab: Lab): Promise<string[][]> {
  return (await lab.cloud.attempts()).map(({ timeline }) => (timeline ?? []).map(({ step }) => step))
}

/** Cloud, portal and the resolvers of the networks that a phone was on. */
const friends = /^(tcp (203\.0\.113\.10:443|192\.168\.4\.1:(80|443))|(udp|tcp) (192\.168\.[14]\.1|203\.0\.113\.1):53)$/

/** How every attempt began and ended, newest first. */
export async function ends(lab: Lab): Promise<(string | undefined)[][]> {
  return (await timelines(lab)).map((steps) => [steps[0], steps.at(-1)])
}

function encoded(secret: string): string[] {
  return [secret, encodeURIComponent(secret), new URLSearchParams({ s: secret }).toString().slice(2), Buffer.from(secret).toString('hex'), Buffer.from(secret).toString('base64')]
}
