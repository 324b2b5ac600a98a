/** Whatever happens in whatever order: the promises hold, and a patient customer gets there. */
import fc from 'fast-check'
import { afterEach, beforeEach, expect, test, vi } from 'vitest'
import { choiceOf } from './configuration.ts'
import { DeviceProblem } from './device.ts'
import { type FakeUnit, FakeWorld, home, password, product } from './fakes.ts'
import { Wizard } from './wizard.ts'

beforeEach(() => {
  vi.useFakeTimers({ now: Date.parse('2030-01-01T00:00:00Z') })
})

afterEach(() => {
  vi.useRealTimers()
})

const wrong = 'wrong-password'

/** The tabs of one browser, of which the last opened is looked at. */
class Scene {
  readonly world = new FakeWorld()
  wizard: Wizard
  /** The promises that were broken. */
  readonly broken: string[] = []
  /** The steps that were shown. */
  saw = new Set<string>()
  private readonly before: Wizard[] = []

  constructor() {
    this.wizard = this.open()
  }

  open(): Wizard {
    const wizard = new Wizard(product, this.world.tab())
    wizard.subscribe(() => this.check(wizard))
    void wizard.start()
    return (this.wizard = wizard)
  }

  reload(): void {
    this.wizard.close()
    this.open()
  }

  secondTab(): void {
    this.before.push(this.wizard)
    this.open()
  }

  close(): void {
    for (const wizard of [...this.before, this.wizard]) wizard.close()
  }

  private check(wizard: Wizard): void {
    const { cloud, memory } = this.world
    this.saw.add(wizard.state.step)
    const kept = JSON.stringify([wizard.state, memory.text, cloud.reports])
    if (kept.includes(password) || kept.includes(wrong)) this.broken.push('a password is kept')
    if ([...cloud.attempts.values()].some(({ units }) => units.size > 1)) this.broken.push('two units have one token')
    if (cloud.holders.size > 1) this.broken.push('two units have tokens of open attempts')
  }
}

type Act = (scene: Scene) => void | Promise<void>

const minute = 60_000

/** What the customer does, whether the page offers it or not. */
const taps: Record<string, Act> = {
  begin: ({ wizard }) => void wizard.begin(),
  signedIn: ({ wizard }) => void wizard.signedIn(),
  retry: ({ wizard }) => void wizard.retry(),
  joined: ({ wizard }) => void wizard.joined(),
  allow: ({ wizard }) => void wizard.allow(),
  openWindow: ({ wizard }) => void wizard.openWindow(),
  hop: ({ wizard }) => wizard.hop(),
  byHand: ({ wizard }) => wizard.byHand(),
  rescan: ({ wizard }) => void wizard.rescan(),
  handOver: ({ wizard }) => void wizard.handOver(choiceOf(home), password),
  handOverWrong: ({ wizard }) => void wizard.handOver(choiceOf(home), wrong),
  handOverAgain: ({ wizard }) => void wizard.handOver(choiceOf(home), ''),
  back: ({ wizard }) => wizard.back(),
  cancel: ({ wizard }) => void wizard.cancel(),
  online: ({ wizard }) => void wizard.online(),
  takeOther: ({ wizard }) => void wizard.takeOtherUnit(),
  takeOver: ({ wizard }) => void wizard.takeOver(),
}

/** What befalls the phone, the cloud and the units. */
const fate: Record<string, Act> = {
  reload: (scene) => scene.reload(),
  secondTab: (scene) => scene.secondTab(),
  home: ({ world }) => void (world.phone.at = null),
  atUnit: ({ world }) => void (world.phone.at = world.unit),
  atOther: ({ world }) => void (world.phone.at = world.other),
  cloudDown: ({ world }) => void (world.cloud.up = false),
  cloudUp: ({ world }) => void (world.cloud.up = true),
  mobileData: ({ world }) => void (world.mobileData = !world.mobileData),
  signedOut: ({ world }) => void (world.cloud.signedIn = null),
  signsIn: ({ world }) => void (world.cloud.signedIn = 'anna'),
  loseReply: ({ world }) => void (world.cloud.loseNextReply = true),
  lostAnswer: ({ world }) => void (world.unit.answer = 'lost'),
  deaf: ({ world }) => void (world.unit.answer = 'deaf'),
  busy: ({ world }) => void (world.unit.answer = new DeviceProblem('busy')),
  hears: ({ world }) => void (world.unit.answer = { status: 'ok', message: '', field: '' }),
  fails: ({ world }) => void (world.unit.fails = 702),
  mends: ({ world }) => void (world.unit.fails = 0),
  powerCut: ({ world }) => world.unit.powerCycle(),
  ask: ({ world }) => void (world.phone.access = 'ask'),
  grant: ({ world }) => void (world.phone.access = 'granted'),
  deny: ({ world }) => void (world.phone.access = 'denied'),
  noPopups: ({ world }) => void (world.phone.popups = false),
  popups: ({ world }) => void (world.phone.popups = true),
  declines: ({ world }) => void (world.phone.onPage = 'decline'),
  closesWindow: ({ world }) => void (world.phone.onPage = 'close'),
  connects: ({ world }) => void (world.phone.onPage = 'connect'),
  second: () => pass(1_000),
  while: () => pass(20_000),
  long: () => pass(25 * minute),
}

async function pass(milliseconds = 1): Promise<void> {
  await vi.advanceTimersByTimeAsync(milliseconds)
}

/** One step of one who does what the page says, with that unit at hand. */
async function onward({ world, wizard }: Scene, unit: FakeUnit): Promise<void> {
  switch (wizard.state.step) {
    case 'welcome':
      return void wizard.begin()
    case 'account':
      world.cloud.signedIn = 'anna'
      return void wizard.signedIn()
    case 'elsewhere':
      return void wizard.takeOver()
    case 'preparing':
      world.phone.at = null
      await pass(6_000)
      if (wizard.state.step === 'preparing') void wizard.retry()
      return
    case 'ended': case 'failed':
      return void wizard.retry()
    case 'join':
      // Whoever finds no setup network unplugs the unit and plugs it in again.
      unit.there = true
      world.phone.at = unit
      return void wizard.joined()
    case 'explain_permission':
      world.phone.access = 'granted'
      return void wizard.allow()
    case 'open_window':
      unit.there = true
      world.phone.at = unit
      return void wizard.openWindow()
    case 'choose':
      return void wizard.handOver(choiceOf(home), password)
    case 'watching':
      await pass(20_000)
      if (wizard.state.step !== 'watching') return
      world.phone.at = null
      await pass(20_000)
      if (wizard.state.step === 'watching') wizard.back()
      return
    case 'by_hand': case 'edgent_warning':
      return wizard.back()
    case 'reaching': case 'confirm_on_device': case 'handing_over':
      return pass(20_000)
  }
}

/** Goes onward where nothing is in the way any more; gives the steps that were passed. */
async function patiently(scene: Scene): Promise<string[]> {
  const { world } = scene
  world.cloud.up = true
  world.cloud.loseNextReply = false
  world.phone.popups = true
  world.phone.onPage = 'connect'
  world.unit.answer = { status: 'ok', message: '', field: '' }
  world.unit.fails = 0
  const passed: string[] = []
  for (let i = 0; i < 40; i++) {
    const { step, problem } = scene.wizard.state
    passed.push(problem ? `${step} (${problem})` : step)
    if (step === 'online') break
    await onward(scene, world.unit)
    await pass(10)
  }
  return passed
}

const progress: Record<string, Act> = {
  onward: (scene) => onward(scene, scene.world.unit),
  onwardWithOther: (scene) => onward(scene, scene.world.other),
  stumble: (scene) => (scene.wizard.state.step === 'choose' ? void scene.wizard.handOver(choiceOf(home), wrong) : onward(scene, scene.world.unit)),
}

const acts = { ...taps, ...fate, ...progress }
/** Without much progress little is seen. */
const event = fc.oneof({ weight: 3, arbitrary: fc.constantFrom(...Object.keys(taps)) }, { weight: 3, arbitrary: fc.constantFrom(...Object.keys(fate)) }, { weight: 5, arbitrary: fc.constantFrom(...Object.keys(progress)) })

const many = (times: number, ...names: string[]) => Array.from({ length: times }, () => names).flat()

/** Ways through every step. */
const known = [
  ['signedOut', ...many(3, 'onward'), 'byHand', 'secondTab', ...many(6, 'onward')],
  ['ask', ...many(3, 'onward'), 'deny', ...many(8, 'onward')],
  [...many(5, 'stumble'), 'long', 'long', ...many(8, 'onward')],
  [...many(2, 'onward'), 'home', 'long', 'long', 'reload', ...many(8, 'onward')],
  ['onward', 'byHand', 'long', 'long', ...many(8, 'onward')],
  ['deny', ...many(4, 'onward'), 'reload', ...many(4, 'onwardWithOther')],
]

test('no order of events breaks a promise or leaves the customer without a way', async () => {
  const seen = new Set<string>()
  await fc.assert(
    fc.asyncProperty(fc.array(event, { maxLength: 30 }), async (names) => {
      const scene = new Scene()
      scene.saw = seen
      try {
        await pass()
        for (const name of names) {
          await acts[name]!(scene)
          await pass()
        }
        const passed = await patiently(scene)
        expect(passed.at(-1), passed.join(' → ')).toBe('online')
        expect(scene.broken).toEqual([])
        expect(scene.world.memory.text).toBeNull()
        expect(scene.world.cloud.devices).toContain(scene.wizard.state.deviceId)
      } finally {
        scene.close()
        vi.clearAllTimers()
      }
    }),
    { numRuns: 250, examples: known.map((names) => [names]) },
  )
  // What is never reached is not tested.
  for (const step of ['welcome', 'account', 'preparing', 'join', 'explain_permission', 'open_window', 'choose', 'watching', 'failed', 'by_hand', 'ended', 'elsewhere', 'online']) expect(seen).toContain(step)
}, 60_000)
