import type { RequestListener } from 'node:http'
import { describe, expect } from 'vitest'
import { kinds, reads } from '../browser/browser.ts'
import type { Chromium } from '../browser/chromium.ts'
import { findSecret } from '../search.ts'
import { onNetworks, test } from './start.ts'

/** A page with that script. */
function page(title: string, content: string, script: string): RequestListener {
  return (request, response) => {
    if (request.url === '/favicon.ico') return void response.writeHead(404).end()
    response.setHeader('Content-Type', 'text/html; charset=utf-8')
    response.end(`<!doctype html><html lang="en"><title>${title}</title><h1>${title}</h1>${content}<p role="status" id="said"></p><script>
      const say = (text) => { document.getElementById('said').textContent = text }
      ${script}</script></html>`)
  }
}

const wizard = (portal: string) =>
  page('The wizard', '<button id="ask">Ask directly</button><button id="open">Open the device’s page</button><label>Password <input id="password" type="password"></label>', `
    let opened
    document.getElementById('ask').onclick = () => {
      const began = performance.now()
      fetch('${portal}/board_info.json').then((answer) => answer.json()).then(
        (board) => say('The device is of ' + board.tmpl_id),
        (error) => say('Not reached: ' + error.name + ' ' + (performance.now() - began < 3000 ? 'at once' : 'late')))
    }
    document.getElementById('open').onclick = () => { opened = window.open('${portal}/', 'tendril-device') }
    onmessage = (event) => {
      if (event.source !== opened || event.origin !== '${portal}') return
      if (event.data.hello) {
        say('The device says ' + event.data.hello)
        opened.postMessage({ password: document.getElementById('password').value }, '${portal}')
      } else {
        say('The device has ' + event.data.got + ' characters')
      }
    }`)

const devicePage = (origin: string) =>
  page('The device', '', `
    opener.postMessage({ hello: 'hello' }, '${origin}')
    onmessage = (event) => {
      if (event.source !== opener || event.origin !== '${origin}') return
      fetch('/config', { method: 'POST', body: event.data.password }).then(() => {
        say('Got it')
        opener.postMessage({ got: event.data.password.length }, '${origin}')
      })
    }`)

describe.for(kinds)('%s', (kind) => {
  test('trusts the cloud, and talks to nobody else', async ({ startLab }) => {
    const lab = await startLab()
    const phone = await lab.phone(kind)
    const tab = await phone.tab()
    await tab.go(`${lab.cloud.url}/healthz`)
    await reads(tab, '"status":"ok"')
    expect(await tab.url()).toBe(`${lab.cloud.url}/healthz`)
    if (phone.browser.requests) expect(phone.browser.requests.map(({ url }) => new URL(url).origin)).toContain(lab.cloud.url)
    if (!onNetworks) return
    expect(await phone.ground.contacts()).toEqual(['tcp 203.0.113.10:443', 'udp 192.168.1.1:53'])
    expect(await phone.ground.lookups()).toEqual(['cloud.lab.example'])
  })

  test('exchanges messages with the window of a device, the cloud out of reach', async ({ startLab }) => {
    const lab = await startLab()
    const origin = await lab.serve(wizard(lab.ground.portalURL))
    await lab.openNetwork(await lab.ground.addDevice(), 'Setup', devicePage(origin))
    const phone = await lab.phone(kind)
    const tab = await phone.tab()
    await tab.go(origin)
    await tab.type('Password', lab.home.password)
    await phone.join('Setup')
    const opened = await tab.opens(() => tab.tap('button', 'Open the device'))
    await reads(opened, 'Got it')
    await reads(tab, `The device has ${lab.home.password.length} characters`)
    expect(await opened.url()).toBe(`${lab.ground.portalURL}/`)
    await opened.close()
    expect(await opened.closed).toBe(true)

    const { requests, profile } = phone.browser
    if (requests) {
      const told = requests.filter((request) => JSON.stringify(request).includes(lab.home.password))
      expect(told.map(({ method, url, body }) => ({ method, url, body }))).toEqual([{ method: 'POST', url: `${lab.ground.portalURL}/config`, body: lab.home.password }])
    }
    await phone.close()
    if (profile) expect(findSecret(profile, lab.home.password)).toEqual([])
  })
})

test('Chromium asks a device directly with the permission only', async ({ startLab }) => {
  const lab = await startLab()
  const origin = await lab.serve(wizard(lab.ground.portalURL))
  const device = await lab.addDevice({ wizardOrigins: [origin] })
  const phone = await lab.phone('chromium')
  const browser = phone.browser as Chromium
  const tab = await phone.tab()
  await tab.go(origin)
  await phone.joinSetupOf(device)
  for (const setting of ['prompt', 'denied'] as const) {
    await browser.localNetwork(origin, setting)
    await tab.tap('button', 'Ask directly')
    await reads(tab, 'Not reached: TypeError at once')
    await tab.evaluate('say("")')
  }
  await browser.localNetwork(origin, 'granted')
  await tab.tap('button', 'Ask directly')
  await reads(tab, `The device is of ${lab.product.id}`)
})
