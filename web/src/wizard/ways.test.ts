import { expect, test } from 'vitest'
import { localAccess, type Browser } from './ways.ts'

function browser(page: string, states: Record<string, string>, addressSpaces = true): Browser {
  const query = ({ name }: { name: string }) => (states[name] === undefined ? Promise.reject(new TypeError('unknown')) : Promise.resolve({ state: states[name] }))
  return { permissions: { query }, page: new URL(page), addressSpaces }
}

const portal = 'http://192.168.4.1'
const secure = 'https://cloud.example/p/plant'

test.for<[string, Browser, string, string]>([
  ['Chrome that hasn’t asked', browser(secure, { 'local-network': 'prompt' }), portal, 'ask'],
  ['Chrome that may', browser(secure, { 'local-network': 'granted' }), portal, 'granted'],
  ['Chrome that may not', browser(secure, { 'local-network': 'denied' }), portal, 'denied'],
  ['Chrome 142, by the first name', browser(secure, { 'local-network-access': 'prompt' }), portal, 'ask'],
  ['Firefox, whose permission lifts no mixed content', browser(secure, { 'local-network': 'granted' }, false), portal, 'unsupported'],
  ['Safari', browser(secure, {}, false), portal, 'unsupported'],
  ['a browser without permissions', { page: new URL(secure), addressSpaces: false }, portal, 'unsupported'],
  ['a plain page', browser('http://cloud.example/p/plant', {}, false), portal, 'granted'],
  ['the demo, all on one machine', browser('http://localhost:8080/p/plant', {}, false), 'http://127.0.0.1:8081', 'granted'],
  ['all on one machine under TLS, in Chrome', browser('https://localhost:9443/p/plant', {}), 'http://127.0.0.1:8081', 'granted'],
  ['all on one machine under TLS, in Safari', browser('https://localhost:9443/p/plant', {}, false), 'http://127.0.0.1:8081', 'unsupported'],
  ['a device of this machine for a page of another', browser(secure, { 'loopback-network': 'prompt' }), 'http://127.0.0.1:8081', 'ask'],
])('%s', async ([, browser, portal, access]) => {
  expect(await localAccess(portal, browser)).toBe(access)
})
