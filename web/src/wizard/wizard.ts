/**
 * The Connection Wizard: leads from a product's box to its device online. It knows
 * no page and no browser but what it is given, so that another shell can carry it.
 * What it shows is its state; what the customer taps are its methods.
 */
import { ApiError } from '../api/client.ts'
import { cancelAttempt, note, openAttempt, Outbox } from './attempts.ts'
import { flawOf, parametersOf, sameNetwork, type Choice } from './configuration.ts'
import { DeviceProblem, type DeviceLink, type Sight } from './device.ts'
import type { Report, SetupRecord, Unwanted } from './memory.ts'
import { unitOf, type BoardInfo } from './parse.ts'
import type { WizardProduct } from './product.ts'
import { refusalOf, retypeAfter, type Attempt, type Ending, type Problem, type State, type Step } from './state.ts'
import type { AttemptNow, TimelineStep } from './timeline.ts'
import type { LocalAccess, Way } from './ways.ts'
import type { World } from './world.ts'

/** How often a hand-over without an answer is tried, and the pause between, in milliseconds. */
const handOverTries = 3
const retryPause = 2_000
/** How long a device takes at least from its answer until it is back, having failed; and at most to close its network. In milliseconds. */
const failsAfter = 3_000
const settle = 15_000
/** A token that ends so soon can't be handed over any more, in milliseconds. */
const lastMoment = 60_000
/** How long to wait for a cloud that may be out of reach, before going on without it; and before asking again. In milliseconds. */
const glance = 2_000
const askAgain = 5_000

export class Wizard {
  #state: State
  readonly #world: World
  readonly #listeners = new Set<(state: State) => void>()
  /** The device that the app sent the customer to move. */
  readonly #asked: string | null
  #account: string | null = null
  #record: SetupRecord | null = null
  #password = ''
  #access: LocalAccess = 'unsupported'
  #link: DeviceLink | null = null
  #unwatch: (() => void) | null = null
  #unfollow: (() => void) | null = null
  #release: (() => void) | null = null
  /** Goes up with each thing begun: what was begun before must not speak any more. */
  #turn = 0
  #started: Promise<boolean> | null = null
  readonly #outbox: Outbox

  constructor(product: WizardProduct, world: World, movesDevice: string | null = null) {
    this.#world = world
    this.#asked = movesDevice
    this.#outbox = new Outbox(world.cloud, (record) => {
      if (record === this.#record) this.#save()
    })
    this.#state = {
      product, step: 'welcome', problem: null, way: null, offline: false, kept: null, board: null, networks: null, scanning: false,
      choice: null, passwordKept: false, code: 0, shortCode: '', reached: [], ending: null, movesDevice, deviceId: null,
    }
  }

  get #productId(): string {
    return this.#state.product.product_id
  }

  get state(): State {
    return this.#state
  }

  subscribe(listener: (state: State) => void): () => void {
    this.#listeners.add(listener)
    listener(this.#state)
    return () => this.#listeners.delete(listener)
  }

  /** The end of this wizard, as when its page goes; what it remembers stays. */
  close(): void {
    this.#drop()
    this.#release?.()
    this.#release = null
    this.#listeners.clear()
  }

  /** Goes on where an earlier load of the page stopped, or shows the beginning. */
  async start(): Promise<void> {
    this.#started = this.#claim(false)
    if (await this.#started) await this.#restore()
    else this.#show('elsewhere')
  }

  /** Goes on here and not in the other tab. */
  async takeOver(): Promise<void> {
    if (await this.#claim(true)) await this.#restore()
  }

  /** From welcome, or when all is over: a new beginning. */
  async begin(): Promise<void> {
    // Who taps at once taps before it is known where an earlier load stopped.
    await this.#started
    if (this.#state.step === 'welcome' || this.#state.step === 'ended') await this.#prepare()
  }

  /** The customer has signed in. */
  async signedIn(): Promise<void> {
    await this.#prepare()
  }

  /** Tries again what went wrong. */
  async retry(): Promise<void> {
    switch (this.#state.step) {
      case 'preparing':
      case 'ended':
        return this.#prepare()
      case 'failed':
        // A token that the cloud refused will be refused again.
        if (this.#state.code === 703) return this.#replace('expired')
        // The device has its network open again; where the phone is can't be known.
        return this.#show(this.#link ? 'choose' : 'join')
      default:
        this.#show(this.#state.step)
    }
  }

  /** The phone is on the setup network, the customer says: a tap. */
  async joined(): Promise<void> {
    if (!this.#record?.attempt) return
    if (this.#access === 'granted') return this.#reach('direct')
    if (this.#access === 'ask') return this.#show('explain_permission')
    if (this.#state.product.setup === 'edgent') return this.#chooseUnseen()
    return this.openWindow()
  }

  /** The browser may ask now: a tap. */
  async allow(): Promise<void> {
    if (this.#record?.attempt) await this.#reach('direct')
  }

  /** Opens the device's own page: a tap. */
  async openWindow(): Promise<void> {
    if (this.#record?.attempt) await this.#reach('window')
  }

  /** Leaves for the device's page and comes back. */
  hop(): void {
    if (this.#record?.attempt) this.#world.leave()
  }

  /** The customer types on the device's own page. */
  byHand(): void {
    const record = this.#record
    if (!record?.attempt) return
    record.stage = 'by_hand'
    record.failed = 0
    this.#save()
    this.#change({ code: 0 })
    this.#await()
  }

  async rescan(): Promise<void> {
    const link = this.#link
    if (!link || this.#state.scanning) return
    this.#change({ scanning: true })
    const networks = await link.scan().catch(() => null)
    this.#change({ scanning: false, ...(networks && link === this.#link ? { networks } : {}) })
  }

  /** Hands the choice over; an empty password stands for the one that was typed before, where it still stands. */
  async handOver(choice: Choice, password: string): Promise<void> {
    const record = this.#record
    if (!record?.attempt || this.#state.step !== 'choose') return
    const stands = password === '' && this.#state.passwordKept && this.#state.choice !== null && sameNetwork(choice, this.#state.choice)
    const wanted = choice.open ? '' : stands ? this.#password : password
    const flaw = flawOf(choice, wanted)
    this.#change({ choice })
    if (flaw) return this.#show('choose', flaw)
    this.#password = wanted
    record.choice = choice
    this.#save()
    this.#change({ passwordKept: wanted !== '' })
    if (record.attempt.expiresAt - this.#world.now() < lastMoment) return this.#replace('expired')
    const parameters = parametersOf(choice, wanted, record.attempt.token, record.attempt.server)
    if (this.#state.product.setup === 'edgent') return this.#handToEdgent(parameters)
    if (!this.#link) return this.joined()
    await this.#hand(this.#link, choice, parameters)
  }

  /** Goes on with the unit whose network was joined while another one connects, which then stays as it was. */
  async takeOtherUnit(): Promise<void> {
    if (this.#state.problem === 'other_unit') await this.#replace('another_unit')
  }

  /** After the warning: a tap. */
  navigateToEdgent(): void {
    const { attempt, choice } = this.#record ?? {}
    if (!attempt || !choice || this.#state.step !== 'edgent_warning') return
    this.#noteHandOver(null)
    this.#world.edgent.navigate(parametersOf(choice, this.#password, attempt.token, attempt.server))
    this.#await()
  }

  /** Back to the step before, where there is one. */
  back(): void {
    const before: Partial<Record<Step, Step>> = {
      account: 'welcome', explain_permission: 'join', open_window: 'join', reaching: 'join', choose: 'join', confirm_on_device: 'choose',
      by_hand: 'join', edgent_warning: 'choose', watching: 'join', failed: 'choose',
    }
    const step = before[this.#state.step]
    if (!step) return
    this.#begin()
    if (this.#state.step === 'by_hand' && this.#record) {
      this.#record.stage = 'open'
      this.#save()
    }
    this.#show(step)
  }

  /** Ends the attempt; nothing of it stays in the account. Where the cloud can't be told, it is told later. */
  async cancel(): Promise<void> {
    const record = this.#record
    if (!record) return
    record.unwanted = 'cancelled'
    this.#save()
    await this.#cancelUnwanted()
  }

  /** Another device of the same product. */
  again(): void {
    this.#forget()
    this.#world.finish(null)
    this.#change({ movesDevice: null, deviceId: null })
    this.#show('welcome')
  }

  async rename(name: string): Promise<void> {
    if (this.#state.deviceId) await this.#world.cloud.rename(this.#state.deviceId, name)
  }

  /** The page hears that the internet is back. */
  async online(): Promise<void> {
    if (this.#state.step === 'preparing' && this.#state.problem) await this.#prepare()
    else if (this.#state.problem === 'cancel_later') await this.#cancelUnwanted()
    else this.#send()
  }

  async #claim(take: boolean): Promise<boolean> {
    const release = await this.#world.claim(take, () => {
      this.#release = null
      this.#drop()
      this.#show('elsewhere')
    })
    this.#release = release
    return release !== null
  }

  async #restore(): Promise<void> {
    const turn = this.#begin()
    const hop = this.#world.returned()
    const kept = this.#world.memory.load()
    if (!kept) {
      const deviceId = this.#world.finished()
      this.#change({ deviceId })
      return this.#show(deviceId ? 'online' : 'welcome')
    }
    this.#show('preparing')
    // Off-line, as on a setup network, whoever was signed in still is.
    const account = await this.#soon(this.#world.cloud.account())
    if (turn !== this.#turn) return
    this.#account = account === undefined ? kept.account : account
    this.#change({ offline: account === undefined })
    const record = (this.#record = this.#recall())
    if (!record) return this.#show('welcome')
    if (record.unwanted === 'cancelled' && this.#asked === null) return this.#cancelUnwanted()
    if (record.unwanted || !record.attempt) return this.#prepare()
    const { attempt } = record
    if (record.stage === 'open' && attempt.expiresAt < this.#world.now()) {
      this.#forget()
      this.#change({ movesDevice: this.#asked })
      return this.#show('welcome')
    }
    void this.#keep()
    await this.#ask()
    if (turn !== this.#turn) return
    this.#resume(record, attempt)
    if (hop) return this.#recognise(hop, 'hop')
    if (record.stage !== 'open') return
    // The cloud may know that it has ended.
    const now = await this.#soon(this.#world.cloud.attempt(attempt.id))
    if (now && turn === this.#turn) this.#hear(now)
  }

  /** Shows where an attempt stands. */
  #resume(record: SetupRecord, attempt: Attempt, problem: Problem | null = null): void {
    this.#change({ shortCode: attempt.code, choice: record.choice ?? this.#state.choice, code: record.failed })
    this.#send()
    if (record.stage !== 'open') return this.#await()
    this.#show(record.failed ? 'failed' : 'join', problem)
  }

  /** The record of whoever is signed in. */
  #recall(): SetupRecord | null {
    const record = this.#world.memory.load()
    if (!record || record.account !== this.#account) return null
    if (this.#asked !== null && this.#state.movesDevice !== null && record.movesDevice !== this.#asked) record.unwanted ??= 'cancelled'
    else this.#change({ movesDevice: record.movesDevice })
    return record
  }

  /** Asks the cloud for an attempt, as often as it takes to reach it. */
  async #prepare(): Promise<void> {
    if (!this.#release) return
    const turn = this.#begin()
    this.#show('preparing')
    await this.#whenReachable(turn, () => this.#open(turn), () => {
      const why = this.#record?.unwanted
      this.#show('preparing', why === 'another_unit' || why === 'expired' ? why : 'cloud_unreachable')
    })
  }

  /** Asks for an attempt once: the key is noted first, so that whatever happens the same request finds the same attempt. */
  async #open(turn: number): Promise<void> {
    const account = await this.#world.cloud.account()
    if (turn !== this.#turn) return
    this.#account = account
    if (account === null) return this.#show('account')
    this.#record = this.#recall()
    const replaced = this.#record?.unwanted ?? null
    if (this.#record && replaced) {
      const deviceId = await cancelAttempt(this.#world.cloud, this.#productId, this.#record)
      if (turn !== this.#turn) return
      if (deviceId && replaced === 'expired') return this.#isOnline(deviceId)
      this.#record = null
    }
    const fresh = this.#record === null
    const record = (this.#record ??= {
      account, key: this.#world.newKey(), timeZone: this.#world.timeZone(), movesDevice: this.#state.movesDevice, attempt: null, unit: null,
      choice: this.#state.choice, stage: 'open', accepted: false, errorBefore: 0, failed: 0, unwanted: null, reports: [],
    })
    this.#save()
    const kept = this.#keep()
    const attempt = await openAttempt(this.#world.cloud, this.#productId, record)
    if (turn !== this.#turn) return
    if (attempt.token === '') return fresh ? this.#show('preparing', 'cloud_failed') : this.#over(turn, attempt.id)
    record.attempt = attempt
    this.#save()
    this.#change({ offline: false, ending: null })
    await Promise.all([kept, this.#ask()])
    if (turn === this.#turn) this.#resume(record, attempt, replaced === 'expired' ? 'renewed' : null)
  }

  /** The key's attempt has ended, in this tab's absence. */
  async #over(turn: number, id: string): Promise<void> {
    const now = await this.#world.cloud.attempt(id)
    if (turn !== this.#turn) return
    if (now.state === 'online') return this.#isOnline(now.deviceId)
    this.#world.memory.save(null)
    await this.#open(turn)
  }

  /** Does what needs the cloud; where that can't be reached, says so and does it again. */
  async #whenReachable(turn: number, work: () => Promise<void>, say: () => void): Promise<void> {
    while (turn === this.#turn) {
      try {
        return await work()
      } catch (error) {
        if (turn !== this.#turn) return
        if (!(error instanceof ApiError)) throw error
        if (!error.unreachable) return this.#refused(error)
        this.#change({ offline: true })
        say()
        await this.#world.wait(askAgain)
      }
    }
  }

  #refused(error: ApiError): void {
    switch (error.code) {
      case 'product_not_found':
        return this.#end('product_gone')
      case 'device_not_found':
      case 'other_product':
        return this.#end('device_gone')
      case 'idempotency_key_reused':
      case 'token_lost':
        return void this.#replace('expired')
      case 'too_many_open':
        return this.#show('preparing', 'too_many_open')
    }
    if (error.status === 401) this.#show('account')
    else this.#show('preparing', 'cloud_failed')
  }

  async #keep(): Promise<void> {
    this.#change({ kept: (await this.#world.keep()) && this.#world.memory.lasts() })
  }

  async #ask(): Promise<void> {
    this.#access = await this.#world.access()
  }

  async #reach(way: 'direct' | 'window'): Promise<void> {
    const turn = this.#begin()
    this.#link?.leave()
    this.#link = null
    this.#change({ way, board: null, networks: null })
    if (this.#state.product.setup === 'edgent') return this.#reachEdgent(turn)
    try {
      const link = (this.#link = this.#world[way]())
      this.#show('reaching')
      const sight = await link.look((board) => {
        if (turn === this.#turn) this.#change({ board })
      })
      // The browser has been allowed, if it asked.
      if (way === 'direct') this.#access = 'granted'
      if (turn === this.#turn) await this.#recognise(sight, way)
    } catch (error) {
      if (turn === this.#turn) await this.#unreached(error, way)
    }
  }

  async #unreached(error: unknown, way: 'direct' | 'window'): Promise<void> {
    if (!(error instanceof DeviceProblem)) throw error
    const problem = error.code === 'unit_changed' ? 'not_reached' : error.code
    this.#link?.leave()
    this.#link = null
    if (way === 'window') return this.#show('open_window', problem)
    const before = this.#access
    await this.#ask()
    if (this.#access === 'denied' || this.#access === 'unsupported') return this.#show('open_window', this.#access === 'denied' ? 'permission_denied' : null)
    // The question was closed without an answer.
    if (before === 'ask' && this.#access === 'ask') return this.#show('explain_permission', 'not_reached')
    this.#show('join', problem)
  }

  /** Looks whether the device is of the right product, and the unit that may have the token. */
  async #recognise(sight: Sight, way: Way): Promise<void> {
    const record = this.#record
    if (!record?.attempt) return
    const { board, networks } = sight
    this.#change({ way, board, networks })
    if (board.templateId !== this.#productId) return this.#show('join', 'foreign_device')
    if (record.unit !== null && record.unit !== unitOf(board)) return this.#replace('another_unit')
    this.#tell({ step: 'portal_found', device: unitOf(board) })
    if (record.stage === 'handed_over' && record.unit !== null) return this.#reopened(board)
    if (way === 'hop') {
      // What a person types reaches the unit that was seen.
      record.unit = unitOf(board)
      return this.byHand()
    }
    this.#show('choose')
  }

  /** A token is in at most one unit's hands: the old attempt is dead before another one begins. What was typed stays. */
  async #replace(why: Unwanted): Promise<void> {
    if (this.#record) {
      this.#record.unwanted = why
      this.#save()
    }
    // Its end is no news any more.
    this.#stopFollowing()
    await this.#prepare()
  }

  async #hand(link: DeviceLink, choice: Choice, parameters: Record<string, string>): Promise<void> {
    const turn = this.#begin()
    const way = this.#state.way ?? 'direct'
    this.#show(way === 'direct' ? 'handing_over' : 'confirm_on_device')
    let unanswered = false
    for (let tries = 1; ; tries++) {
      let problem: Problem = 'not_reached'
      try {
        // Choosing takes a person any time, and units on a bench look alike.
        const board = await link.board()
        if (turn !== this.#turn) return
        if (this.#state.board && unitOf(board) !== unitOf(this.#state.board)) return await this.#recognise({ board, networks: this.#state.networks }, way)
        this.#noteHandOver(board)
        const result = await link.configure(choice.name, parameters)
        if (turn !== this.#turn) return
        if (result.status === 'ok') {
          if (this.#record) this.#record.accepted = true
          this.#tell({ step: 'configuration_accepted', ...this.#device() })
          return this.#await()
        }
        if (result.status === 'error') return this.#notTaken('choose', refusalOf(result))
        unanswered = true
      } catch (error) {
        if (turn !== this.#turn) return
        if (!(error instanceof DeviceProblem)) throw error
        if (error.code === 'unit_changed') continue
        problem = error.code
        if (problem === 'declined') return this.#notTaken('choose', problem)
        if (problem === 'forbidden') return this.#notTaken('open_window', problem)
        // Of these it can't be told what the device has.
        if (problem === 'rubbish') return this.#show('choose', problem)
        if (problem === 'window_closed') return this.#show('open_window', problem)
      }
      if (unanswered && (way !== 'direct' || tries >= handOverTries)) return this.#await()
      if (tries >= handOverTries) return this.#notTaken('join', problem)
      await this.#world.wait(retryPause)
      if (turn !== this.#turn) return
    }
  }

  /** The device took nothing. */
  #notTaken(step: Step, problem: Problem): void {
    if (this.#record) this.#record.stage = 'open'
    this.#save()
    this.#show(step, problem)
  }

  /** Notes who is given the token before it leaves. */
  #noteHandOver(board: BoardInfo | null): void {
    const record = this.#record
    if (!record?.attempt) return
    if (board) record.unit = unitOf(board)
    // Tried again without an answer, it is still the first hand-over.
    if (record.stage !== 'handed_over') Object.assign(record, { accepted: false, errorBefore: board?.lastError ?? 0 })
    record.stage = 'handed_over'
    record.failed = 0
    this.#save()
    this.#follow(record.attempt.id)
  }

  async #reachEdgent(turn: number): Promise<void> {
    this.#show('reaching')
    try {
      await this.#world.edgent.reach()
    } catch (error) {
      if (turn !== this.#turn) return
      if (!(error instanceof DeviceProblem)) throw error
      await this.#ask()
      if (this.#access === 'granted') return this.#show('join', 'not_reached')
    }
    if (turn === this.#turn) this.#chooseUnseen()
  }

  #chooseUnseen(): void {
    this.#change({ networks: null })
    this.#show('choose')
  }

  async #handToEdgent(parameters: Record<string, string>): Promise<void> {
    const turn = this.#begin()
    await this.#ask()
    if (turn !== this.#turn) return
    if (this.#access !== 'granted') return this.#show('edgent_warning')
    this.#show('handing_over')
    this.#noteHandOver(null)
    try {
      await this.#world.edgent.send(parameters)
      this.#tell({ step: 'configuration_accepted' })
    } catch {
      // It may have heard: the cloud knows.
    }
    if (turn === this.#turn) this.#await()
  }

  /** Waits for the verdict, which is the cloud's; the device itself, should it come back, says why there won't be one. */
  #await(): void {
    const record = this.#record
    if (!record?.attempt) return
    this.#begin()
    this.#show(record.stage === 'by_hand' ? 'by_hand' : 'watching')
    this.#follow(record.attempt.id)
    if (record.stage === 'handed_over' && this.#state.product.setup === 'tendril') this.#watch(record.unit)
    this.#send()
  }

  #watch(unit: string | null): void {
    // After a reload nobody holds a link, but some need no tap.
    if (!this.#link && this.#access === 'granted') {
      this.#link = this.#world.direct()
      this.#change({ way: 'direct' })
    }
    const began = this.#world.now()
    let gone = false
    this.#unwatch = this.#link?.watch((board) => {
      const passed = this.#world.now() - began
      const other = board !== null && unitOf(board) !== unit && board.templateId === this.#productId
      if (other !== (this.#state.problem === 'other_unit')) this.#show('watching', other ? 'other_unit' : null)
      if (!board || unitOf(board) !== unit) gone = true
      else if (passed > settle || (gone && passed > failsAfter)) void this.#reopened(board, gone)
    }) ?? null
  }

  /** The unit's network is open again, or still; wasGone tells that it had closed since the hand-over. */
  async #reopened(board: BoardInfo, wasGone = false): Promise<void> {
    const turn = this.#begin()
    const record = this.#record
    if (!record?.attempt) return
    // A login whose answer was lost on the way is known to the cloud alone.
    const now = await this.#soon(this.#world.cloud.attempt(record.attempt.id))
    if (turn !== this.#turn) return
    if (now?.state === 'online') return this.#isOnline(now.deviceId)
    if (now?.state === 'expired') return this.#replace('expired')
    this.#change({ board })
    const recent = wasGone || record.accepted || board.lastError !== record.errorBefore
    if (board.lastError !== 0 && recent) this.#failed(board.lastError)
    else this.#notTaken('choose', 'not_received')
  }

  #failed(code: number): void {
    this.#tell({ step: 'device_error', code, ...this.#device() })
    if (this.#record) {
      this.#record.stage = 'open'
      this.#record.failed = code
    }
    this.#save()
    if (retypeAfter(code) === 'password') {
      this.#password = ''
      this.#change({ passwordKept: false })
    }
    this.#change({ code })
    this.#show('failed')
  }

  #device(): { device: string } | Record<string, never> {
    return this.#record?.unit ? { device: this.#record.unit } : {}
  }

  /** Hears of the attempt from the hand-over until its end, whatever the customer does. */
  #follow(id: string): void {
    if (this.#unfollow) return
    this.#change({ reached: [] })
    this.#unfollow = this.#world.cloud.follow(id, {
      step: (step) => this.#reached(step),
      now: (now) => {
        this.#change({ offline: false })
        this.#send()
        this.#hear(now)
      },
      lost: (error) => {
        this.#change({ offline: error.unreachable })
        if (!this.#waits() || error.unreachable) return
        if (error.status === 401) this.#halt('account')
        else if (error.status === 404) this.#end('cancelled')
      },
    })
  }

  #reached({ step, code }: TimelineStep): void {
    if (!this.#state.reached.includes(step)) this.#change({ reached: [...this.#state.reached, step] })
    // Whoever types by hand hears of it from whoever saw it.
    if (step === 'device_error' && this.#state.step === 'by_hand') this.#change({ code })
  }

  #hear(now: AttemptNow): void {
    if (now.state === 'online') this.#isOnline(now.deviceId)
    else if (now.state !== 'expired' && now.state !== 'cancelled') return
    else if (this.#waits() || this.#state.step === 'join') this.#end(now.state)
    // Who is typing is not interrupted; the hand-over finds out.
    else if (this.#record?.attempt) this.#record.attempt.expiresAt = 0
  }

  /** Whether there is nothing to do but to wait for the cloud. */
  #waits(): boolean {
    return this.#state.step === 'watching' || this.#state.step === 'by_hand'
  }

  #isOnline(deviceId: string | null): void {
    this.#forget()
    this.#world.finish(deviceId)
    this.#change({ deviceId, offline: false })
    this.#show('online')
  }

  #end(ending: Ending): void {
    const { choice, passwordKept } = this.#state
    const password = this.#password
    this.#forget()
    // What was typed is right for the next attempt too.
    if (ending === 'expired') {
      this.#password = password
      this.#change({ choice, passwordKept })
    }
    this.#change({ ending })
    this.#show('ended')
  }

  /** Cancels, as often as it takes to reach the cloud. */
  async #cancelUnwanted(): Promise<void> {
    const turn = this.#begin()
    this.#stopFollowing()
    const record = this.#record
    while (record && turn === this.#turn) {
      try {
        const deviceId = await cancelAttempt(this.#world.cloud, this.#productId, record)
        if (turn !== this.#turn) return
        if (deviceId) return this.#isOnline(deviceId)
        this.#forget()
        this.#change({ movesDevice: this.#asked })
        return this.#show('welcome')
      } catch (error) {
        if (turn !== this.#turn) return
        if (!(error instanceof ApiError)) throw error
        this.#show('welcome', 'cancel_later')
        // Whoever signs in and begins anew cancels first.
        if (error.status === 401) return
        await this.#world.wait(askAgain)
      }
    }
  }

  /** Forgets all that an attempt leaves behind. */
  #forget(): void {
    this.#drop()
    this.#world.memory.save(null)
    this.#change({ board: null, networks: null, choice: null, code: 0, shortCode: '', way: null, reached: [] })
  }

  /** Lets go of everything but what is remembered. */
  #drop(): void {
    this.#begin()
    this.#stopFollowing()
    this.#link?.close()
    this.#link = null
    this.#record = null
    this.#password = ''
    this.#change({ passwordKept: false })
  }

  /** Stops at a step that has to be passed before anything goes on. */
  #halt(step: Step): void {
    this.#begin()
    this.#stopFollowing()
    this.#show(step)
  }

  #stopFollowing(): void {
    this.#unfollow?.()
    this.#unfollow = null
  }

  #save(): void {
    if (this.#record) this.#world.memory.save(this.#record)
  }

  #tell(report: Report): void {
    if (!this.#record) return
    if (note(this.#record, report)) this.#save()
    this.#send()
  }

  #send(): void {
    if (this.#record) void this.#outbox.send(this.#record)
  }

  /** What comes of a question to a cloud that may be out of reach; undefined if nothing comes in time. */
  async #soon<T>(answer: Promise<T>): Promise<T | undefined> {
    return Promise.race([answer.catch(() => undefined), this.#world.wait(glance).then(() => undefined)])
  }

  /** Ends what was begun before, and gives the number of what begins. */
  #begin(): number {
    this.#unwatch?.()
    this.#unwatch = null
    return ++this.#turn
  }

  #show(step: Step, problem: Problem | null = null): void {
    this.#change({ step, problem })
  }

  #change(change: Partial<State>): void {
    this.#state = { ...this.#state, ...change }
    for (const listener of this.#listeners) listener(this.#state)
  }
}
