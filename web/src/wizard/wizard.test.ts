import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest'
import { ApiError } from '../api/client.ts'
import { choiceOf } from './configuration.ts'
import { DeviceProblem } from './device.ts'
import { board, FakeUnit, FakeWorld, home, password, product } from './fakes.ts'
import type { Result } from './parse.ts'
import type { WizardProduct } from './product.ts'
import { Wizard } from './wizard.ts'

let world: FakeWorld

beforeEach(() => {
  vi.useFakeTimers({ now: Date.parse('2030-01-01T00:00:00Z') })
  world = new FakeWorld()
})

afterEach(() => {
  vi.useRealTimers()
})

/** Lets that much time pass, in milliseconds; by default only what happens at once. */
async function pass(milliseconds = 1): Promise<void> {
  await vi.advanceTimersByTimeAsync(milliseconds)
}

/** A wizard as a load of the page starts it. */
async function load(of: WizardProduct = product, movesDevice: string | null = null): Promise<Wizard> {
  const wizard = new Wizard(of, world.tab(), movesDevice)
  void wizard.start()
  await pass()
  return wizard
}

async function atJoin(of: WizardProduct = product): Promise<Wizard> {
  const wizard = await load(of)
  void wizard.begin()
  await pass()
  expect(wizard.state.step).toBe('join')
  return wizard
}

async function joins(wizard: Wizard, unit: FakeUnit = world.unit): Promise<void> {
  world.phone.at = unit
  void wizard.joined()
  await pass()
}

async function atChoose(): Promise<Wizard> {
  const wizard = await atJoin()
  await joins(wizard)
  expect(wizard.state.step).toBe('choose')
  return wizard
}

/** Hands over and lets as much time pass as the wizard may need for three tries. */
async function hands(wizard: Wizard, typed = password): Promise<void> {
  void wizard.handOver(choiceOf(home), typed)
  await pass(10)
}

async function watching(): Promise<Wizard> {
  const wizard = await atChoose()
  await hands(wizard)
  expect(wizard.state.step).toBe('watching')
  return wizard
}

const steps = () => world.cloud.reports.map(({ step }) => step)

describe('the straight way', () => {
  test('begins at a tap that comes before the browser has said that this tab may', async () => {
    const tab = world.tab()
    let may = () => {}
    const wizard = new Wizard(product, { ...tab, claim: async (take, lost) => (await new Promise<void>((resolve) => (may = resolve)), tab.claim(take, lost)) })
    void wizard.start()
    void wizard.begin()
    await pass()
    expect(wizard.state.step).toBe('welcome')
    may()
    await pass()
    expect(wizard.state.step).toBe('join')
  })

  test('leads from the box to the device online', async () => {
    const wizard = await load()
    expect(wizard.state.step).toBe('welcome')
    void wizard.begin()
    await pass()
    expect(wizard.state).toMatchObject({ step: 'join', kept: true, shortCode: 'K7QF-3M2P-XW9T' })
    await joins(wizard)
    expect(wizard.state).toMatchObject({ step: 'choose', way: 'direct', networks: [home] })
    await hands(wizard)
    expect(world.unit.given).toEqual([{ if: 'wifi', ssid: 'Home', pass: password, blynk: 'token-of-attempt-1', host: 'cloud.example', port: '80', port_ssl: '443' }])
    world.phone.at = null
    await pass(20_000)
    expect(wizard.state).toMatchObject({ step: 'online', deviceId: 'device-of-attempt-1', passwordKept: false })
    expect(world.memory.text).toBeNull()
    await wizard.rename('Fern')
    expect(world.cloud.names.get('device-of-attempt-1')).toBe('Fern')
  })

  test('tells the cloud of every step, where it is heard all the while', async () => {
    world.mobileData = true
    const wizard = await watching()
    await pass(20_000)
    expect(wizard.state.step).toBe('online')
    expect(world.cloud.reports).toEqual([{ step: 'portal_found', device: 'AA:BB' }, { step: 'configuration_accepted', device: 'AA:BB' }])
  })

  test('signs in where nobody is signed in', async () => {
    world.cloud.signedIn = null
    const wizard = await load()
    void wizard.begin()
    await pass()
    expect(wizard.state.step).toBe('account')
    world.cloud.signedIn = 'anna'
    void wizard.signedIn()
    await pass()
    expect(wizard.state.step).toBe('join')
  })

  test('explains before the browser asks, and opens a window where it says no', async () => {
    world.phone.access = 'ask'
    const wizard = await atJoin()
    await joins(wizard)
    expect(wizard.state.step).toBe('explain_permission')
    world.phone.access = 'denied'
    void wizard.allow()
    await pass()
    expect(wizard.state).toMatchObject({ step: 'open_window', problem: 'permission_denied' })
    void wizard.openWindow()
    await pass()
    expect(wizard.state).toMatchObject({ step: 'choose', way: 'window' })
    await hands(wizard)
    expect(wizard.state.step).toBe('watching')
  })

  test('explains again where the question was closed without an answer', async () => {
    world.phone.access = 'ask'
    const wizard = await atJoin()
    await joins(wizard)
    void wizard.allow()
    await pass()
    expect(wizard.state).toMatchObject({ step: 'explain_permission', problem: 'not_reached' })
  })

  test('opens the window on the very tap where the browser knows no permission', async () => {
    world.phone.access = 'unsupported'
    const wizard = await atJoin()
    await joins(wizard)
    expect(wizard.state).toMatchObject({ step: 'choose', way: 'window' })
    world.phone.popups = false
    wizard.back()
    await joins(wizard)
    expect(wizard.state).toMatchObject({ step: 'open_window', problem: 'popup_blocked' })
  })

  test('keeps the page open where nothing outlives it', async () => {
    world.memory.lasting = false
    expect((await atJoin()).state.kept).toBe(false)
  })
})

describe('an attempt', () => {
  test('is asked for once: lost replies, reloads and double taps find the same', async () => {
    world.cloud.loseNextReply = true
    let wizard = await load()
    void wizard.begin()
    await pass()
    expect(wizard.state).toMatchObject({ step: 'preparing', problem: 'cloud_unreachable' })
    wizard.close()
    wizard = await load()
    void wizard.begin()
    void wizard.begin()
    await pass()
    expect(wizard.state.step).toBe('join')
    wizard.close()
    wizard = await load()
    expect(wizard.state.step).toBe('join')
    expect([...world.cloud.attempts.keys()]).toEqual(['attempt-1'])
  })

  test('is asked for with the same words after a lost reply, wherever the phone has gone meanwhile', async () => {
    world.cloud.loseNextReply = true
    const wizard = await load()
    void wizard.begin()
    await pass()
    world.zone = 'America/Lima'
    await pass(10_000)
    expect(wizard.state.step).toBe('join')
    expect(world.cloud.attempts.size).toBe(1)
  })

  test.each(['by itself', 'when the browser says so'])('goes on %s when the internet is back', async (how) => {
    world.cloud.up = false
    const wizard = await load()
    void wizard.begin()
    await pass()
    expect(wizard.state).toMatchObject({ step: 'preparing', problem: 'cloud_unreachable' })
    world.cloud.up = true
    if (how === 'by itself') await pass(10_000)
    else void wizard.online()
    await pass()
    expect(wizard.state).toMatchObject({ step: 'join', problem: null })
  })

  test.each([
    [new ApiError(404, 'product_not_found', 'product_id'), 'ended', null, 'product_gone'],
    [new ApiError(429, 'too_many_open'), 'preparing', 'too_many_open', null],
    [new ApiError(503, 'store_unavailable'), 'preparing', 'cloud_failed', null],
    [new ApiError(401, 'unauthenticated'), 'account', null, null],
  ])('that is refused with %s has its words and its way on', async (refusal, step, problem, ending) => {
    const wizard = await load()
    const open = vi.spyOn(world.cloud, 'open').mockRejectedValue(refusal)
    void wizard.begin()
    await pass()
    expect(wizard.state).toMatchObject({ step, problem, ending })
    open.mockRestore()
    if (step === 'account') void wizard.signedIn()
    else void wizard.retry()
    await pass()
    expect(wizard.state.step).toBe('join')
  })

  test('goes without a time zone that the cloud doesn’t know', async () => {
    const open = world.cloud.open.bind(world.cloud)
    vi.spyOn(world.cloud, 'open').mockImplementation((request, key) => (request.timeZone ? Promise.reject(new ApiError(422, 'unknown_time_zone', 'time_zone')) : open(request, key)))
    await atJoin()
  })

  test('whose token can’t be read any more gives way to another one', async () => {
    world.cloud.loseNextReply = true
    const wizard = await load()
    void wizard.begin()
    await pass()
    vi.spyOn(world.cloud, 'open').mockRejectedValueOnce(new ApiError(409, 'token_lost'))
    await pass(10_000)
    expect(wizard.state.step).toBe('join')
    expect(world.cloud.openAttempts).toEqual(['attempt-2'])
  })

  test('whose token is about to end is not handed over; what was typed stays', async () => {
    const wizard = await atChoose()
    await pass(29.5 * 60_000)
    await hands(wizard)
    expect(world.unit.given).toEqual([])
    expect(wizard.state).toMatchObject({ step: 'preparing', problem: 'expired', passwordKept: true })
    world.phone.at = null
    await pass(10_000)
    expect(wizard.state).toMatchObject({ step: 'join', problem: 'renewed', passwordKept: true, choice: { name: 'Home' } })
    await joins(wizard)
    await hands(wizard, '')
    expect(world.unit.given).toMatchObject([{ pass: password, blynk: 'token-of-attempt-2' }])
  })

  test('that expired is over, and a new one can begin', async () => {
    const wizard = await atJoin()
    wizard.close()
    world.cloud.end('attempt-1', 'expired')
    const again = await load()
    expect(again.state).toMatchObject({ step: 'ended', ending: 'expired' })
    void again.retry()
    await pass()
    expect(again.state.step).toBe('join')
    expect(world.cloud.openAttempts).toEqual(['attempt-2'])
  })

  test('that expired while the cloud was awaited leaves what was typed', async () => {
    const wizard = await watching()
    world.phone.at = null
    world.cloud.end('attempt-1', 'expired')
    await pass(9_000)
    expect(wizard.state).toMatchObject({ step: 'ended', ending: 'expired', passwordKept: true, choice: { name: 'Home' } })
  })

  test('of days ago is no more than a beginning', async () => {
    const wizard = await atJoin()
    wizard.close()
    world.cloud.up = false
    await pass(3 * 24 * 3_600_000)
    expect((await load()).state).toMatchObject({ step: 'welcome', movesDevice: null })
  })

  test('does not interrupt who is typing when it ends', async () => {
    world.mobileData = true
    world.unit.answer = { status: 'error', message: '', field: 'pass' }
    const wizard = await atChoose()
    await hands(wizard)
    expect(wizard.state.step).toBe('choose')
    world.cloud.end('attempt-1', 'expired')
    await pass(9_000)
    expect(wizard.state.step).toBe('choose')
    world.unit.answer = { status: 'ok', message: '', field: '' }
    await hands(wizard)
    expect(wizard.state).toMatchObject({ step: 'join', problem: 'renewed' })
  })
})

describe('a unit', () => {
  test('of another product gets nothing', async () => {
    world.unit.info = board({ templateId: 'TMPLzzzzzzzz' })
    const wizard = await atJoin()
    await joins(wizard)
    expect(wizard.state).toMatchObject({ step: 'join', problem: 'foreign_device' })
  })

  test('other than the one that was given the token gets an attempt of its own, after the old one is cancelled', async () => {
    const wizard = await watching()
    wizard.back()
    await joins(wizard, world.other)
    expect(wizard.state).toMatchObject({ step: 'preparing', problem: 'another_unit', passwordKept: true })
    expect(world.cloud.openAttempts).toEqual(['attempt-1'])
    // A reload doesn't make it forget that the old attempt must go first.
    wizard.close()
    const again = await load()
    expect(again.state).toMatchObject({ step: 'preparing', problem: 'another_unit' })
    world.phone.at = null
    void again.online()
    await pass()
    expect(world.cloud.openAttempts).toEqual(['attempt-2'])
    expect(again.state.step).toBe('join')
  })

  test('that takes the place of another while the customer chooses gets nothing of its token', async () => {
    world.mobileData = true
    const wizard = await atChoose()
    await hands(wizard)
    wizard.back()
    await joins(wizard, new FakeUnit(world.cloud))
    world.phone.at = world.other
    await hands(wizard)
    expect(world.other.given).toEqual([])
    expect(world.cloud.openAttempts).toEqual(['attempt-2'])
  })

  test('that comes back with an error says why, and goes on with the same attempt and what was right', async () => {
    world.unit.fails = 702
    const wizard = await watching()
    await pass(20_000)
    expect(wizard.state).toMatchObject({ step: 'failed', code: 702, passwordKept: true, choice: { name: 'Home' } })
    world.unit.fails = 0
    void wizard.retry()
    expect(wizard.state.step).toBe('choose')
    await hands(wizard, '')
    expect(world.unit.given.map(({ pass, blynk }) => [pass, blynk])).toEqual([[password, 'token-of-attempt-1'], [password, 'token-of-attempt-1']])
    world.phone.at = null
    await pass(20_000)
    expect(wizard.state.step).toBe('online')
  })

  test('with the wrong password asks for the password alone', async () => {
    const wizard = await atChoose()
    await hands(wizard, 'wrong-pass')
    await pass(20_000)
    expect(wizard.state).toMatchObject({ step: 'failed', code: 722, passwordKept: false, choice: { name: 'Home' } })
    void wizard.retry()
    await hands(wizard, '')
    expect(wizard.state).toMatchObject({ step: 'choose', problem: 'password_missing' })
  })

  test('whose token was refused gets a new one', async () => {
    const wizard = await watching()
    world.cloud.end('attempt-1', 'cancelled')
    await pass(20_000)
    expect(wizard.state).toMatchObject({ step: 'failed', code: 703 })
    world.phone.at = null
    void wizard.retry()
    await pass()
    expect(wizard.state).toMatchObject({ step: 'join', problem: 'renewed', passwordKept: true })
    expect(world.cloud.openAttempts).toEqual(['attempt-2'])
  })

  test('whose error is older than the hand-over has not failed anew', async () => {
    world.unit.info = board({ lastError: 722 })
    world.unit.answer = 'deaf'
    const wizard = await atChoose()
    void wizard.handOver(choiceOf(home), password)
    await pass(5_000)
    expect(wizard.state.step).toBe('watching')
    await pass(20_000)
    expect(wizard.state).toMatchObject({ step: 'choose', problem: 'not_received' })
  })

  test('that lost power before it kept anything is given it once more', async () => {
    const wizard = await watching()
    world.unit.there = false
    await pass(8_000)
    world.unit.there = true
    await pass(5_000)
    expect(wizard.state).toMatchObject({ step: 'choose', problem: 'not_received', passwordKept: true })
  })

  test('of a neighbour is told from the one that connects', async () => {
    world.unit.fails = 702
    const wizard = await watching()
    world.phone.at = world.other
    await pass(60_000)
    expect(wizard.state).toMatchObject({ step: 'watching', problem: 'other_unit' })
    world.phone.at = world.unit
    await pass(6_000)
    expect(wizard.state).toMatchObject({ step: 'failed', code: 702 })
  })

  test('of a neighbour takes the place of the one that connects if the customer says so', async () => {
    world.mobileData = true
    const wizard = await watching()
    void wizard.takeOtherUnit()
    await pass()
    expect(world.cloud.openAttempts).toEqual(['attempt-1'])
    world.phone.at = world.other
    await pass(3_000)
    void wizard.takeOtherUnit()
    await pass()
    expect(wizard.state).toMatchObject({ step: 'join', problem: null, passwordKept: true })
    expect(world.cloud.openAttempts).toEqual(['attempt-2'])
    // The end of the first attempt is no news; the second one's is.
    await pass(20_000)
    expect(wizard.state.step).toBe('join')
    await joins(wizard, world.other)
    await hands(wizard, '')
    await pass(20_000)
    expect(wizard.state).toMatchObject({ step: 'online', deviceId: 'device-of-attempt-2' })
  })

  test('of another product is no matter while one connects', async () => {
    const wizard = await watching()
    world.other.info = board({ mac: 'EE:FF', templateId: 'TMPLzzzzzzzz' })
    world.phone.at = world.other
    await pass(60_000)
    expect(wizard.state).toMatchObject({ step: 'watching', problem: null })
  })

  test('whose login was told to nobody is online nevertheless', async () => {
    const wizard = await watching()
    world.cloud.login('token-of-attempt-1')
    world.unit.there = false
    await pass(6_000)
    world.mobileData = true
    world.unit.info = board({ lastError: 702 })
    world.unit.there = true
    await pass(9_000)
    expect(wizard.state).toMatchObject({ step: 'online', deviceId: 'device-of-attempt-1' })
  })
})

describe('a hand-over', () => {
  test.each(['lost', 'deaf'] as const)('without an answer is repeated, then left to the cloud (%s)', async (answer) => {
    world.unit.answer = answer
    const wizard = await atChoose()
    void wizard.handOver(choiceOf(home), password)
    await pass(5_000)
    expect(wizard.state.step).toBe('watching')
    expect(world.unit.given).toHaveLength(answer === 'deaf' ? 3 : 1)
    if (answer === 'deaf') return
    // The device had gone by the second try.
    world.phone.at = null
    await pass(30_000)
    expect(wizard.state.step).toBe('online')
  })

  test('that nobody heard is none', async () => {
    const wizard = await atChoose()
    world.unit.there = false
    void wizard.handOver(choiceOf(home), password)
    await pass(5_000)
    expect(wizard.state).toMatchObject({ step: 'join', problem: 'not_reached', passwordKept: true })
  })

  test.each([
    [{ status: 'error', message: '', field: 'ssid' } as Result, 'choose', 'refused'],
    [{ status: 'error', message: '', field: 'gw' } as Result, 'choose', 'gateway_unfit'],
    [{ status: 'error', message: '', field: 'host' } as Result, 'choose', 'incompatible'],
    [new DeviceProblem('rubbish'), 'choose', 'rubbish'],
    [new DeviceProblem('declined'), 'choose', 'declined'],
    [new DeviceProblem('forbidden'), 'open_window', 'forbidden'],
    [new DeviceProblem('busy'), 'join', 'busy'],
    [new DeviceProblem('window_closed'), 'open_window', 'window_closed'],
  ])('answered with %o goes on from there', async (answer, step, problem) => {
    world.unit.answer = answer
    const wizard = await atChoose()
    void wizard.handOver(choiceOf(home), password)
    await pass(5_000)
    expect(wizard.state).toMatchObject({ step, problem })
  })

  test('whose window was closed too soon may have come through', async () => {
    world.mobileData = true
    world.unit.answer = new DeviceProblem('window_closed')
    const wizard = await atChoose()
    await hands(wizard)
    expect(wizard.state.step).toBe('open_window')
    world.cloud.login('token-of-attempt-1')
    await pass()
    expect(wizard.state.step).toBe('online')
  })

  test.each([
    [{ ...choiceOf(home), name: '' }, password, 'ssid_missing'],
    [{ ...choiceOf(home), name: 'ä'.repeat(17) }, password, 'ssid_long'],
    [choiceOf(home), '', 'password_missing'],
    [choiceOf(home), 'seven77', 'password_length'],
    [{ ...choiceOf(home), address: { ip: '192.168.1.9', mask: '255.0.255.0', gw: '192.168.1.1', dns: '', dns2: '' } }, password, 'mask_unfit'],
    [{ ...choiceOf(home), address: { ip: '192.168.1.9', mask: '255.255.255.0', gw: '192.168.2.1', dns: '', dns2: '' } }, password, 'gateway_unfit'],
  ])('of what can’t be is refused here', async (choice, typed, problem) => {
    const wizard = await atChoose()
    void wizard.handOver(choice, typed)
    await pass()
    expect(world.unit.given).toEqual([])
    expect(wizard.state).toMatchObject({ step: 'choose', problem })
  })

  test('to a device that has to be found again finds it first, and asks nothing twice', async () => {
    world.phone.access = 'unsupported'
    world.unit.fails = 702
    const wizard = await atChoose()
    await hands(wizard)
    await pass(20_000)
    expect(wizard.state.step).toBe('failed')
    wizard.close()
    const again = await load()
    expect(again.state).toMatchObject({ step: 'failed', code: 702 })
    void again.retry()
    expect(again.state.step).toBe('join')
    await joins(again)
    expect(again.state).toMatchObject({ step: 'choose', choice: { name: 'Home' } })
  })

  test('to a device of Edgent goes unheard where the browser allows it', async () => {
    const wizard = await atJoin({ ...product, setup: 'edgent' })
    await joins(wizard)
    expect(wizard.state).toMatchObject({ step: 'choose', networks: null })
    await hands(wizard)
    expect(wizard.state.step).toBe('watching')
    world.phone.at = null
    await pass(20_000)
    expect(wizard.state.step).toBe('online')
    expect(world.phone.edgent).toHaveLength(1)
  })

  test('to a device of Edgent warns where the browser’s history would keep the password', async () => {
    world.phone.access = 'unsupported'
    const wizard = await atJoin({ ...product, setup: 'edgent' })
    await joins(wizard)
    await hands(wizard)
    expect(wizard.state.step).toBe('edgent_warning')
    expect(world.phone.edgent).toEqual([])
    wizard.navigateToEdgent()
    expect(world.phone.edgent).toHaveLength(1)
    expect(wizard.state.step).toBe('watching')
  })

  test('to a device of Edgent that isn’t there says so', async () => {
    const wizard = await atJoin({ ...product, setup: 'edgent' })
    void wizard.joined()
    await pass()
    expect(wizard.state).toMatchObject({ step: 'join', problem: 'not_reached' })
  })
})

describe('a reload', () => {
  test('once the device is online shows it still, until another is begun', async () => {
    const wizard = await load()
    world.phone.finished = 'device-1'
    wizard.close()
    const again = await load()
    expect(again.state).toMatchObject({ step: 'online', deviceId: 'device-1' })
    again.again()
    again.close()
    expect((await load()).state).toMatchObject({ step: 'welcome', deviceId: null })
  })

  test.each([
    [0, 'welcome'],
    [1, 'join'],
    [2, 'join'],
    [3, 'watching'],
  ])('after step %i finds its way on, and the password is nowhere', async (upTo, step) => {
    const wizard = upTo > 0 ? await atJoin() : await load()
    if (upTo > 1) await joins(wizard)
    if (upTo > 2) await hands(wizard)
    expect(world.memory.text ?? '').not.toContain(password)
    expect(JSON.stringify(wizard.state)).not.toContain(password)
    wizard.close()
    world.cloud.up = false
    expect((await load()).state.step).toBe(step)
    expect(world.cloud.attempts.size).toBeLessThan(2)
  })

  test('is not held up by a network that swallows questions', async () => {
    ;(await atJoin()).close()
    vi.spyOn(world.cloud, 'account').mockReturnValue(new Promise(() => {}))
    const wizard = await load()
    expect(wizard.state.step).toBe('preparing')
    await pass(2_100)
    expect(wizard.state).toMatchObject({ step: 'join', offline: true })
  })

  test('while the device tries still hears from it why it failed', async () => {
    const wizard = await atChoose()
    await hands(wizard, 'wrong-pass')
    wizard.close()
    const again = await load()
    expect(again.state.step).toBe('watching')
    await pass(20_000)
    expect(again.state).toMatchObject({ step: 'failed', code: 722 })
  })

  test('after a hop shows the code to be typed', async () => {
    const wizard = await atJoin()
    wizard.hop()
    expect(world.phone.left).toBe(1)
    wizard.close()
    world.phone.at = world.unit
    world.phone.returned = { board: board(), networks: [home] }
    const back = await load()
    expect(back.state).toMatchObject({ step: 'by_hand', way: 'hop', networks: [home], shortCode: 'K7QF-3M2P-XW9T' })
    world.phone.at = null
    world.cloud.login('token-of-attempt-1')
    await pass(9_000)
    expect(back.state.step).toBe('online')
  })

  test('while the customer types on the device’s page goes on waiting', async () => {
    const wizard = await atJoin()
    wizard.byHand()
    expect(wizard.state).toMatchObject({ step: 'by_hand', shortCode: 'K7QF-3M2P-XW9T' })
    wizard.close()
    const again = await load()
    expect(again.state.step).toBe('by_hand')
    world.cloud.login('token-of-attempt-1')
    await pass()
    expect(again.state).toMatchObject({ step: 'online', deviceId: 'device-of-attempt-1' })
  })

  test('after another account signed in begins anew', async () => {
    const wizard = await watching()
    wizard.close()
    world.phone.at = null
    world.cloud.signedIn = 'bert'
    expect((await load()).state.step).toBe('welcome')
  })

  test('with what another version remembered begins anew', async () => {
    ;(await atJoin()).close()
    vi.spyOn(world.memory, 'load').mockReturnValue(null)
    expect((await load()).state.step).toBe('welcome')
  })
})

describe('two tabs', () => {
  test('of one browser have one wizard', async () => {
    const first = await atJoin()
    const second = await load()
    expect(second.state.step).toBe('elsewhere')
    void second.takeOver()
    await pass()
    expect(first.state.step).toBe('elsewhere')
    expect(second.state.step).toBe('join')
    expect(world.cloud.attempts.size).toBe(1)
    void first.begin()
    await pass()
    expect(first.state.step).toBe('elsewhere')
  })

  test('one after the other don’t get in each other’s way', async () => {
    ;(await atJoin()).close()
    expect((await load()).state.step).toBe('join')
  })
})

describe('signing out midway', () => {
  test('leads through the account and back', async () => {
    const wizard = await watching()
    world.phone.at = null
    world.cloud.signedIn = null
    await pass(9_000)
    expect(wizard.state.step).toBe('account')
    world.cloud.signedIn = 'anna'
    void wizard.signedIn()
    await pass()
    expect(wizard.state.step).toMatch(/watching|online/)
    await pass(20_000)
    expect(wizard.state.step).toBe('online')
    expect(world.cloud.attempts.size).toBe(1)
  })
})

describe('a device that is moved', () => {
  test('stays the device that it is', async () => {
    const wizard = await load(product, 'device-7')
    void wizard.begin()
    await pass()
    await joins(wizard)
    await hands(wizard)
    world.phone.at = null
    await pass(20_000)
    expect(wizard.state).toMatchObject({ step: 'online', deviceId: 'device-7', movesDevice: 'device-7' })
    wizard.again()
    expect(wizard.state).toMatchObject({ step: 'welcome', movesDevice: null })
  })

  test('goes before whatever else was under way', async () => {
    ;(await watching()).close()
    world.phone.at = null
    const wizard = await load(product, 'device-7')
    expect(wizard.state).toMatchObject({ step: 'join', movesDevice: 'device-7' })
    expect(world.cloud.openAttempts).toEqual(['attempt-2'])
    expect(world.cloud.attempts.get('attempt-1')!.state).toBe('cancelled')
  })

  test('is remembered through a reload, but not once the customer has stopped', async () => {
    const wizard = await load(product, 'device-7')
    void wizard.begin()
    await pass()
    wizard.close()
    const again = await load()
    expect(again.state).toMatchObject({ step: 'join', movesDevice: 'device-7' })
    void again.cancel()
    await pass()
    expect(again.state).toMatchObject({ step: 'welcome', movesDevice: null })
  })
})

describe('reports', () => {
  test('wait for the internet', async () => {
    const wizard = await watching()
    expect(wizard.state).toMatchObject({ step: 'watching', offline: true })
    expect(steps()).toEqual([])
    world.mobileData = true
    void wizard.online()
    await pass()
    expect(steps()).toEqual(['portal_found', 'configuration_accepted'])
  })

  test('that the cloud refuses for good don’t hold up the others', async () => {
    world.mobileData = true
    vi.spyOn(world.cloud, 'report').mockRejectedValueOnce(new ApiError(429, 'timeline_full'))
    await watching()
    await pass(9_000)
    expect(steps()).toEqual(['configuration_accepted'])
  })
})

describe('cancelling', () => {
  test('leaves nothing behind', async () => {
    world.mobileData = true
    const wizard = await watching()
    void wizard.cancel()
    await pass()
    expect(wizard.state).toMatchObject({ step: 'welcome', passwordKept: false })
    expect(world.cloud.openAttempts).toEqual([])
    expect(world.memory.text).toBeNull()
  })

  test('without internet is done as soon as there is some', async () => {
    const wizard = await watching()
    void wizard.cancel()
    await pass()
    expect(wizard.state).toMatchObject({ step: 'welcome', problem: 'cancel_later' })
    expect(world.cloud.openAttempts).toEqual(['attempt-1'])
    // A reload doesn't forget it.
    wizard.close()
    const again = await load()
    expect(again.state).toMatchObject({ step: 'welcome', problem: 'cancel_later' })
    world.phone.at = null
    await pass(6_000)
    expect(again.state).toMatchObject({ step: 'welcome', problem: null })
    expect(world.cloud.openAttempts).toEqual([])
  })

  test('what is online already shows the device', async () => {
    const wizard = await watching()
    world.cloud.login('token-of-attempt-1')
    world.phone.at = null
    void wizard.cancel()
    await pass()
    expect(wizard.state).toMatchObject({ step: 'online', deviceId: 'device-of-attempt-1' })
  })
})
