import { describe, expect } from 'vitest'
import { ask } from '../ground/http.ts'
import { type Lab } from '../lab.ts'
import { type Phone, probes } from '../phone.ts'
import { onNetworks, test } from './start.ts'

const systems = Object.keys(probes) as (keyof typeof probes)[]

/** Whether the phone reaches a port: "yes", or how it fails within a second. */
async function reaches(phone: Phone, host: string, port: number): Promise<string> {
  const socket = await phone.ground.connect(host, port)
  try {
    const answer = await Promise.race([ask(socket, 'GET', '/', { host }), new Promise<null>((resolve) => setTimeout(resolve, 1000, null))])
    return answer ? 'yes' : 'silence'
  } catch {
    return 'refused'
  } finally {
    socket.destroy()
  }
}

const portal = (phone: Phone) => reaches(phone, '192.168.4.1', 80)
const cloud = (phone: Phone) => reaches(phone, 'cloud.lab.example', 80)

describe.skipIf(!onNetworks).concurrent('the networks', () => {
  test('a phone at home reaches the cloud by its name, not the device', async ({ startLab }) => {
    const lab = await startLab()
    const phone = await lab.phone('none')
    expect(await cloud(phone)).toBe('yes')
    expect(await portal(phone)).toBe('silence')
    for (const system of systems) expect(await phone.probe(system)).toMatchObject({ status: probes[system].status, body: probes[system].body })
    expect(await phone.ground.contacts()).toEqual([
      'tcp 192.168.4.1:80', 'tcp 203.0.113.10:80', 'tcp 203.0.113.80:80', 'udp 192.168.1.1:53',
    ])
    expect(await phone.ground.lookups()).toEqual(['cloud.lab.example', ...systems.map((system) => probes[system].host)].sort())
  })

  test('a phone on the setup network reaches the device, not the cloud', async ({ startLab }) => {
    const lab = await startLab()
    const phone = await lab.phone('none')
    await phone.join('Blynk myPlant')
    expect(await portal(phone)).toBe('yes')
    expect(await reaches(phone, '203.0.113.10', 443)).toBe('silence')
    // Every name is the device's there, and under TLS nobody pretends to be the cloud.
    expect(await reaches(phone, 'cloud.lab.example', 443)).toBe('refused')
    for (const system of systems) expect(await phone.probe(system), system).toMatchObject({ status: 302, headers: { location: 'http://192.168.4.1/' } })
  })

  test('a phone whose owner uses the app is told of success, until the network closes', async ({ startLab }) => {
    const lab = await startLab()
    const phone = await lab.phone('none')
    const other = await lab.phone('none')
    await Promise.all([phone.joinSetupOf(lab.device), other.joinSetupOf(lab.device)])
    const said = await ask(await phone.ground.connect('192.168.4.1', 80), 'POST', '/app', { host: '192.168.4.1' })
    expect(said.status).toBeLessThan(400)
    for (const system of systems) expect((await phone.probe(system))?.status, system).toBe(probes[system].status)
    expect(await other.probe('apple')).toMatchObject({ status: 302 })
    await phone.leave()
    await lab.device.power(false)
    await lab.device.until('powered_off')
    await lab.device.power(true)
    await lab.device.until('setup_network_up', { since: lab.device.events.findLastIndex(({ event }) => event === 'powered_off') })
    await phone.joinSetupOf(lab.device)
    expect(await phone.probe('apple')).toMatchObject({ status: 302 })
  })

  test('mobile data leads to the cloud beside the setup network, and alone', async ({ startLab }) => {
    const lab = await startLab()
    const phone = await lab.phone('none')
    await phone.mobileData(true)
    await phone.joinSetupOf(lab.device)
    expect(await portal(phone)).toBe('yes')
    expect(await cloud(phone)).toBe('yes')
    await phone.leave()
    expect(await portal(phone)).toBe('silence')
    expect(await cloud(phone)).toBe('yes')
    await phone.mobileData(false)
    expect(await cloud(phone)).toBe('refused')
  })

  test('a phone without a network reaches nobody', async ({ startLab }) => {
    const lab = await startLab()
    const phone = await lab.phone('none')
    await phone.leave()
    expect(await portal(phone)).toBe('refused')
    expect(await cloud(phone)).toBe('refused')
    await phone.join('Home')
    expect(await cloud(phone)).toBe('yes')
  })

  test('a device whose setup network goes drops its phones, which go home', async ({ startLab }) => {
    const lab = await startLab()
    const phone = await lab.phone('none')
    await phone.joinSetupOf(lab.device)
    await lab.device.power(false)
    await lab.device.until('powered_off')
    await phone.settled()
    expect(phone.network).toBe('Home')
    expect(await cloud(phone)).toBe('yes')
    await expect(phone.join('Blynk myPlant')).rejects.toThrow('no network Blynk myPlant is in the air')

    await lab.device.power(true)
    await lab.device.until('setup_network_up', { since: lab.device.events.findLastIndex(({ event }) => event === 'powered_off') })
    phone.returnsHome = false
    await phone.joinSetupOf(lab.device)
    await lab.device.power(false)
    await lab.device.until('powered_off', { since: lab.device.events.findLastIndex(({ event }) => event === 'powered_on') })
    await phone.settled()
    expect(phone.network).toBe(null)
  })

  test('a device handed a configuration comes online through the home router', async ({ startLab }) => {
    const lab = await startLab()
    const phone = await lab.phone('none')
    const token = await openAttempt(lab)
    await phone.joinSetupOf(lab.device)
    const pairs = new URLSearchParams({ ssid: lab.home.ssid, pass: lab.home.password, blynk: token, host: lab.cloudHost, port_ssl: '443' })
    const answer = await ask(await phone.ground.connect('192.168.4.1', 80), 'POST', '/config', {
      host: '192.168.4.1', body: pairs.toString(), headers: { 'Content-Type': 'application/x-www-form-urlencoded' },
    })
    expect(JSON.parse(answer.body)).toMatchObject({ status: 'ok' })
    await lab.device.until('proven')
    expect(await lab.cloud.devices()).toMatchObject([{ name: 'myPlant', online: true }])
    expect((await lab.cloud.attempts())[0]?.timeline?.map(({ step }) => step)).toEqual(['issued', 'online'])

    const since = lab.device.mark
    await lab.cloud.restart('crash')
    await lab.device.until('logged_in', { since })
    expect(await lab.cloud.devices()).toMatchObject([{ name: 'myPlant', online: true }])
  })

  test('two devices with one address are two networks', async ({ startLab }) => {
    const lab = await startLab({ product: { unit_suffix: true } })
    const [phone, another] = [await lab.phone('none'), await lab.phone('none')]
    const close = await lab.openNetwork(await lab.ground.addDevice(), 'Hotel', (_, response) => response.end('somebody else'))
    await Promise.all([phone.joinSetupOf(lab.device), another.join('Hotel')])
    const board = (of: Phone) => of.ground.connect('192.168.4.1', 80).then((socket) => ask(socket, 'GET', '/board_info.json', { host: '192.168.4.1' }))
    expect(JSON.parse((await board(phone)).body)).toMatchObject({ tmpl_id: lab.product.id })
    expect((await board(another)).body).toBe('somebody else')
    await close()
    expect([phone.network, another.network]).toEqual([lab.device.setup?.ssid, 'Home'])
  })
})

test('a device of Edgent comes online after a right password, and back after a wrong one', async ({ startLab }) => {
  const lab = await startLab()
  const device = await lab.addEdgent()
  const phone = await lab.phone('none')
  const token = await openAttempt(lab)
  const given = (pass: string) => ({ ssid: lab.home.ssid, pass, blynk: token, host: lab.cloudHost, port_ssl: String(lab.ground.tlsPort) })
  const hand = async (pass: string) => {
    await phone.join(device.ssid)
    const { hostname, host, port } = new URL(lab.ground.portalURL)
    const socket = await phone.ground.connect(hostname, Number(port || 80))
    return JSON.parse((await ask(socket, 'GET', `/config?${new URLSearchParams(given(pass))}`, { host })).body) as unknown
  }
  expect(await hand('not the password')).toEqual({ status: 'ok', msg: 'Trying to connect...' })
  await expect.poll(() => device.lastError, { timeout: 5000 }).toBe(701)
  expect(phone.network).toBe('Home')
  await hand(lab.home.password)
  await expect.poll(() => device.online, { timeout: 10_000 }).toBe(true)
  expect(await lab.cloud.devices()).toMatchObject([{ online: true, product_id: lab.product.id }])
})

/** A customer's attempt; gives its token. */
async function openAttempt(lab: Lab): Promise<string> {
  const anna = await lab.cloud.signIn(await lab.cloud.account('anna@example.org'))
  const { token } = await anna<{ token: string }>('POST', '/provisionings', { product_id: lab.product.id })
  return token
}
