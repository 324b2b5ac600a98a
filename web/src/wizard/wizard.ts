/**
 * The Connection Wizard: leads from a product's box to its device online. It knows
 * no page and no browser but what it is given, so that another shell can carry it.
 * What it shows is its state; what the customer taps are its methods.
 */
import { ApiError } from '../api/client.ts'
import type { CloudPort, TimelineStep } from './cloud.ts'
import { choiceOf, flawOf, parametersOf, type Choice } from './configuration.ts'
import { DeviceProblem, type DeviceLink, type Sight } from './device.ts'
import type { Memory, Report, SetupRecord } from './memory.ts'
import { unitOf, type BoardInfo, type Network } from './parse.ts'
import type { WizardProduct } from './product.ts'
import { retypeAfter, type Ending, type Problem, type State, type Step } from './state.ts'
import type { LocalAccess } from './ways.ts'

/** What the wizard needs of the world. */
export interface World {
  cloud: CloudPort
  memory: Memory
  /** What the browser says of reaching devices. */
  access(): Promise<LocalAccess>
  /** Requests from this page. */
  direct(): DeviceLink
  /** A window with the device's page; only while a tap is handled; throws popup_blocked. */
  window(): DeviceLink
  /** Leaves for the device's page, which comes back with what it knows. */
  leave(): void
  /** What a hop brought back; null if none did. */
  returned(): Sight | null
  /** Hands over to a device of Edgent, unheard. */
  edgent: { reach(): Promise<void>; send(parameters: Record<string, string>): Promise<void>; navigate(parameters: Record<string, string>): void }
  /** Keeps the page for off-line use; false where that can't be. */
  keep(): Promise<boolean>
  /** Claims the product's wizard among the tabs of this browser; false if another has it and is not to lose it. lost is called when another takes it. */
  claim(take: boolean, lost: () => void): Promise<boolean>
  newKey(): string
  timeZone(): string
  now(): number
  /** Lets time pass. */
  wait(milliseconds: number): Promise<void>
}

/** How often a hand-over without an answer is tried, and the pause between, in milliseconds. */
const handOverTries = 3
const retryPause = 2_000
/** How long a device takes to go from its answer to closing its network; seen after that, it has nothing of what it was given. In milliseconds. */
const settle = 15_000
/** A token that ends so soon can't be handed over any more, in milliseconds. */
const lastMoment = 60_000

export class Wizard {
  #state: State
  readonly #world: World
  readonly #listeners = new Set<(state: State) => void>()
  #account: string | null = null
  #record: SetupRecord | null = null
  #password = ''
  #access: LocalAccess = 'unsupported'
  #link: DeviceLink | null = null
  #unwatch: (() => void) | null = null
  /** Goes up with each thing begun: what was begun before must not speak any more. */
  #turn = 0
  #sending = false

  constructor(product: WizardProduct, world: World, movesDevice: string | null = null) {
    this.#world = world
    this.#state = {
      product, step: 'welcome', problem: null, way: null, offline: false, kept: null, board: null, networks: null, scanning: false,
      choice: null, passwordKept: false, code: 0, shortCode: '', reached: [], ending: null, movesDevice, deviceId: null,
    }
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
    this.#begin()
    this.#link?.close()
    this.#listeners.clear()
  }

  /** Goes on where an earlier load of the page stopped, or shows the beginning. */
  async start(): Promise<void> {
    if (!(await this.#world.claim(false, () => this.#lost()))) return this.#show('elsewhere')
    await this.#restore()
  }

  /** Goes on here and not in the other tab. */
  async takeOver(): Promise<void> {
    await this.#world.claim(true, () => this.#lost())
    await this.#restore()
  }

  /** From welcome. */
  async begin(): Promise<void> {
    if (await this.#signedIn()) await this.#prepare()
  }

  /** The customer has signed in. */
  async signedIn(): Promise<void> {
    if (!(await this.#signedIn())) return
    this.#record = this.#recall()
    if (this.#record?.handedOver) this.#watch()
    else await this.#prepare()
  }

  /** Tries again what went wrong. */
  async retry(): Promise<void> {
    switch (this.#state.step) {
      case 'preparing':
        return this.#prepare()
      case 'failed':
        // The device has its network open again; the phone may have left it.
        this.#show(this.#link && this.#state.way === 'direct' ? 'choose' : 'join')
        return
      case 'ended':
        return this.begin()
      default:
        this.#show(this.#state.step)
    }
  }

  /** The phone is on the setup network, the customer says: a tap. */
  async joined(): Promise<void> {
    if (this.#access === 'granted') return this.#reach(() => this.#world.direct())
    if (this.#access === 'ask') return this.#show('explain_permission')
    if (this.#state.product.setup === 'edgent') return this.#chooseUnseen()
    return this.openWindow()
  }

  /** The browser may ask now: a tap. */
  async allow(): Promise<void> {
    await this.#reach(() => this.#world.direct())
  }

  /** Opens the device's own page: a tap. */
  async openWindow(): Promise<void> {
    this.#link?.close()
    let link: DeviceLink
    try {
      link = this.#world.window()
    } catch {
      this.#link = null
      return this.#show('open_window', 'popup_blocked')
    }
    await this.#reach(() => link, 'window')
  }

  /** Leaves for the device's page and comes back. */
  hop(): void {
    this.#world.leave()
  }

  /** The customer types on the device's own page. */
  byHand(): void {
    if (!this.#record?.attempt) return
    // Which unit it is will never be known here: the code is for the one at hand.
    this.#watch('by_hand')
  }

  async rescan(): Promise<void> {
    const link = this.#link
    if (!link || this.#state.scanning) return
    this.#change({ scanning: true })
    const networks = await link.scan().catch(() => null)
    this.#change({ scanning: false, ...(networks ? { networks } : {}) })
  }

  /** Hands the choice over; an empty password stands for the one that was typed before, where it still stands. */
  async handOver(choice: Choice, password: string): Promise<void> {
    const attempt = this.#record?.attempt
    if (!attempt || !this.#record) return
    const wanted = password === '' && this.#state.passwordKept && choice.name === this.#state.choice?.name ? this.#password : password
    const flaw = flawOf(choice, wanted)
    this.#change({ choice })
    if (flaw) return this.#show('choose', flaw)
    this.#password = choice.open ? '' : wanted
    this.#record.choice = choice
    this.#change({ passwordKept: this.#password !== '' })
    if (Date.parse(attempt.expiresAt) - this.#world.now() < lastMoment) return this.#renew()
    const parameters = parametersOf(choice, this.#password, attempt.token, attempt.server)
    if (this.#state.product.setup === 'edgent') return this.#handToEdgent(parameters)
    if (!this.#link) return this.byHand()
    await this.#hand(this.#link, choice, parameters)
  }

  /** After the warning: a tap. */
  navigateToEdgent(): void {
    const { attempt, choice } = this.#record ?? {}
    if (!attempt || !choice) return
    this.#noteHandOver(null)
    this.#world.edgent.navigate(parametersOf(choice, this.#password, attempt.token, attempt.server))
    this.#watch()
  }

  /** Back to the step before, where there is one. */
  back(): void {
    const before: Partial<Record<Step, Step>> = {
      account: 'welcome', explain_permission: 'join', open_window: 'join', choose: 'join', by_hand: 'join', edgent_warning: 'choose', watching: 'join', failed: 'choose',
    }
    const step = before[this.#state.step]
    if (!step) return
    this.#begin()
    this.#show(step)
  }

  /** Ends the attempt; nothing of it stays in the account. */
  async cancel(): Promise<void> {
    await this.#abandon()
    this.#show('welcome')
  }

  /** Another device of the same product. */
  again(): void {
    this.#finish()
    this.#change({ movesDevice: null, deviceId: null })
    this.#show('welcome')
  }

  async rename(name: string): Promise<void> {
    if (this.#state.deviceId) await this.#world.cloud.rename(this.#state.deviceId, name)
  }

  /** The page hears that the internet is back. */
  async online(): Promise<void> {
    if (this.#state.step === 'preparing' && this.#state.problem) await this.#prepare()
    else void this.#send()
  }

  async #restore(): Promise<void> {
    const turn = this.#begin()
    const hop = this.#world.returned()
    try {
      this.#account = await this.#world.cloud.account()
    } catch {
      // Off-line, as on a setup network: whoever was signed in still is.
      this.#change({ offline: true })
      this.#account = this.#world.memory.load()?.account ?? null
    }
    if (turn !== this.#turn) return
    this.#record = this.#recall()
    const record = this.#record
    if (!record?.attempt) {
      if (record && this.#account) return this.#prepare()
      return this.#show('welcome')
    }
    this.#change({ choice: record.choice, shortCode: record.attempt.code })
    void this.#keep()
    await this.#ask()
    if (record.unwanted) return this.#prepare()
    if (hop) return this.#recognise(hop, 'hop')
    if (record.handedOver) return this.#watch()
    this.#show('join')
    // What was typed on the device's own page may have worked meanwhile.
    await this.#look(record.attempt.id, this.#turn)
  }

  /** The record of whoever is signed in, for what is to be set up. */
  #recall(): SetupRecord | null {
    const record = this.#world.memory.load()
    if (!record || record.account !== this.#account) return null
    if (this.#state.movesDevice !== null && record.movesDevice !== this.#state.movesDevice) return null
    this.#change({ movesDevice: record.movesDevice })
    return record
  }

  async #signedIn(): Promise<boolean> {
    const turn = this.#begin()
    try {
      this.#account = await this.#world.cloud.account()
    } catch {
      if (turn === this.#turn) this.#show(this.#state.step === 'ended' ? 'ended' : 'welcome', 'cloud_unreachable')
      return false
    }
    if (turn !== this.#turn) return false
    if (this.#account === null) this.#show('account')
    return this.#account !== null
  }

  /** Asks the cloud for an attempt, once: the key is noted first, so that whatever happens the same request finds the same attempt. */
  async #prepare(): Promise<void> {
    const turn = this.#begin()
    this.#show('preparing')
    const account = this.#account
    if (account === null) return this.#show('account')
    let record = this.#recall()
    if (record?.unwanted) {
      this.#record = record
      const choice = this.#state.choice
      try {
        await this.#abandon()
      } catch {
        return this.#show('preparing', 'another_unit')
      }
      this.#change({ choice })
      return this.#prepare()
    }
    if (!record) {
      record = { account, key: this.#world.newKey(), movesDevice: this.#state.movesDevice, attempt: null, unit: null, choice: null, handedOver: false, unwanted: false, reports: [] }
      this.#world.memory.save(record)
    }
    this.#record = record
    const kept = this.#keep()
    try {
      record.attempt = await this.#world.cloud.open({ productId: this.#state.product.product_id, deviceId: record.movesDevice, timeZone: this.#world.timeZone() }, record.key)
    } catch (error) {
      if (turn === this.#turn) this.#refused(error)
      return
    }
    if (turn !== this.#turn) return
    if (record.attempt.token === '') return this.#over()
    this.#world.memory.save(record)
    this.#change({ shortCode: record.attempt.code, offline: false })
    await Promise.all([kept, this.#ask()])
    if (turn === this.#turn) this.#show('join')
  }

  /** The key's attempt has ended, in this tab's absence. */
  async #over(): Promise<void> {
    const { attempt } = this.#record ?? {}
    const now = attempt && (await this.#world.cloud.attempt(attempt.id).catch(() => null))
    if (now?.state === 'online') return this.#isOnline(now.deviceId)
    this.#finish()
    await this.#prepare()
  }

  #refused(error: unknown): void {
    if (!(error instanceof ApiError)) throw error
    if (error.status === 401) {
      this.#account = null
      return this.#show('account')
    }
    if (error.code === 'product_not_found') return this.#end('product_gone')
    if (error.code === 'device_not_found') return this.#end('device_gone')
    if (error.code === 'idempotency_key_reused' || error.code === 'token_lost') {
      this.#finish()
      return void this.#prepare()
    }
    this.#change({ offline: error.unreachable })
    this.#show('preparing', error.unreachable ? 'cloud_unreachable' : error.code === 'too_many_open' ? 'too_many_open' : 'cloud_failed')
  }

  async #keep(): Promise<void> {
    this.#change({ kept: await this.#world.keep() })
  }

  async #ask(): Promise<void> {
    this.#access = await this.#world.access()
  }

  async #reach(open: () => DeviceLink, way: 'direct' | 'window' = 'direct'): Promise<void> {
    const turn = this.#begin()
    this.#change({ way, board: null, networks: null })
    this.#show('reaching')
    if (this.#state.product.setup === 'edgent') return this.#reachEdgent(turn)
    const link = open()
    this.#link = link
    try {
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
    this.#link?.close()
    this.#link = null
    const before = this.#access
    await this.#ask()
    if (way === 'window') return this.#show('open_window', error.code)
    if (this.#access === 'denied' || this.#access === 'unsupported') return this.#show('open_window', this.#access === 'denied' ? 'permission_denied' : null)
    // The question was closed without an answer.
    if (before === 'ask' && this.#access === 'ask') return this.#show('explain_permission', 'not_reached')
    this.#show('join', error.code)
  }

  /** Looks whether the device is of the right product, and the unit that may have the token. */
  async #recognise(sight: Sight, way: 'direct' | 'window' | 'hop'): Promise<void> {
    const record = this.#record
    if (!record?.attempt) return
    const { board, networks } = sight
    this.#change({ way, board, networks })
    if (board.templateId !== this.#state.product.product_id) return this.#show('join', 'foreign_device')
    if (record.unit !== null && record.unit !== unitOf(board)) return this.#anotherUnit()
    this.#tell({ step: 'portal_found', device: unitOf(board) })
    if (record.handedOver && board.lastError !== 0) return this.#failed(board.lastError)
    if (way === 'hop') {
      // What a person types reaches the unit that was seen.
      record.unit = unitOf(board)
      this.#world.memory.save(record)
      return this.byHand()
    }
    this.#show('choose')
  }

  /** A token is in at most one unit's hands: the old attempt is dead before another one begins. */
  async #anotherUnit(): Promise<void> {
    if (this.#record) {
      this.#record.unwanted = true
      this.#world.memory.save(this.#record)
    }
    await this.#prepare()
  }

  async #hand(link: DeviceLink, choice: Choice, parameters: Record<string, string>): Promise<void> {
    const turn = this.#begin()
    const direct = this.#state.way === 'direct'
    this.#show(direct ? 'handing_over' : 'confirm_on_device')
    for (let tries = 1; ; tries++) {
      try {
        // Choosing takes a person any time, and units on a bench look alike.
        if (direct) {
          const board = await link.board()
          if (turn !== this.#turn) return
          if (this.#state.board && unitOf(board) !== unitOf(this.#state.board)) return await this.#recognise({ board, networks: this.#state.networks }, 'direct')
        }
        this.#noteHandOver(this.#state.board)
        const result = await link.configure(choice.name, parameters)
        if (turn !== this.#turn) return
        if (result.status === 'ok') {
          this.#tell({ step: 'configuration_accepted', ...this.#device() })
          return this.#watch()
        }
        if (result.status === 'error') return this.#refusedBy('refused')
        if (!direct || tries >= handOverTries) return this.#watch()
      } catch (error) {
        if (turn !== this.#turn) return
        if (!(error instanceof DeviceProblem)) throw error
        if (error.code === 'declined' || error.code === 'rubbish') return this.#refusedBy(error.code)
        if (error.code === 'forbidden') return this.#show('open_window', 'forbidden')
        if (error.code === 'window_closed') return this.#show('open_window', 'window_closed')
        if (tries >= handOverTries) return this.#show('join', error.code)
      }
      await this.#world.wait(retryPause)
      if (turn !== this.#turn) return
    }
  }

  /** The device took nothing. */
  #refusedBy(problem: Problem): void {
    if (this.#record) {
      this.#record.handedOver = false
      this.#world.memory.save(this.#record)
    }
    this.#show('choose', problem)
  }

  /** Notes who is given the token before it leaves. */
  #noteHandOver(board: BoardInfo | null): void {
    const record = this.#record
    if (!record) return
    if (board) record.unit = unitOf(board)
    record.handedOver = true
    this.#world.memory.save(record)
  }

  async #reachEdgent(turn: number): Promise<void> {
    try {
      await this.#world.edgent.reach()
    } catch (error) {
      if (turn === this.#turn) {
        if (!(error instanceof DeviceProblem)) throw error
        await this.#ask()
        if (this.#access === 'denied' || this.#access === 'unsupported') this.#chooseUnseen()
        else this.#show('join', error.code)
      }
      return
    }
    if (turn === this.#turn) this.#chooseUnseen()
  }

  #chooseUnseen(): void {
    this.#change({ networks: null })
    this.#show('choose')
  }

  async #handToEdgent(parameters: Record<string, string>): Promise<void> {
    await this.#ask()
    if (this.#access !== 'granted') return this.#show('edgent_warning')
    const turn = this.#begin()
    this.#show('handing_over')
    this.#noteHandOver(null)
    try {
      await this.#world.edgent.send(parameters)
      this.#tell({ step: 'configuration_accepted' })
    } catch {
      // It may have heard: the cloud knows.
    }
    if (turn === this.#turn) this.#watch()
  }

  /** Waits for the verdict, which is the cloud's; the device itself, should it come back, says why there won't be one. */
  #watch(step: 'watching' | 'by_hand' = 'watching'): void {
    const attempt = this.#record?.attempt
    if (!attempt) return
    const turn = this.#begin()
    this.#change({ reached: [] })
    this.#show(step)
    const stop = this.#world.cloud.follow(
      attempt.id,
      (found) => {
        if (turn === this.#turn) this.#hear(found, step)
      },
      (heard) => {
        if (turn !== this.#turn) return
        this.#change({ offline: !heard })
        if (heard) void this.#send()
        else void this.#look(attempt.id, turn)
      },
    )
    let gone = false
    const began = this.#world.now()
    const forget = step === 'watching' ? this.#link?.watch((board) => {
      if (turn !== this.#turn) return
      if (!board) gone = true
      else if (board.lastError !== 0 && unitOf(board) === this.#record?.unit && (gone || this.#state.way === 'window')) this.#failed(board.lastError)
      else if (board.lastError === 0 && this.#state.way === 'direct' && this.#world.now() - began > settle) void this.#notReceived(attempt.id, turn)
    }) : undefined
    this.#unwatch = () => {
      stop()
      forget?.()
    }
    void this.#send()
  }

  #hear({ step, code }: TimelineStep, from: 'watching' | 'by_hand'): void {
    if (!this.#state.reached.includes(step)) this.#change({ reached: [...this.#state.reached, step] })
    if (step === 'online') void this.#look(this.#record?.attempt?.id ?? '', this.#turn)
    else if (step === 'expired' || step === 'cancelled') this.#end(step)
    else if (step === 'device_error' && from === 'by_hand') this.#change({ code })
  }

  /** The attempt as it is now, where the cloud can be reached at once. */
  async #look(id: string, turn: number): Promise<void> {
    try {
      const now = await this.#world.cloud.attempt(id)
      if (turn !== this.#turn) return
      if (now.state === 'online') this.#isOnline(now.deviceId)
      else if (now.state === 'expired' || now.state === 'cancelled') this.#end(now.state)
    } catch (error) {
      if (turn !== this.#turn || !(error instanceof ApiError)) return
      if (error.status === 401) this.#show('account')
      else if (error.status === 404) this.#end('cancelled')
    }
  }

  /** The device's network is still there: what was given to it never arrived, unless the cloud knows better. */
  async #notReceived(id: string, turn: number): Promise<void> {
    await this.#look(id, turn)
    if (turn !== this.#turn) return
    this.#begin()
    this.#show('choose', 'not_received')
  }

  #failed(code: number): void {
    this.#tell({ step: 'device_error', code, ...this.#device() })
    if (this.#record) {
      this.#record.handedOver = false
      this.#world.memory.save(this.#record)
    }
    this.#begin()
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

  #isOnline(deviceId: string | null): void {
    this.#finish()
    this.#change({ deviceId, offline: false })
    this.#show('online')
  }

  #end(ending: Ending): void {
    this.#finish()
    this.#change({ ending })
    this.#show('ended')
  }

  /** The token ended while the customer was busy; another is asked for, and what was typed stays. */
  async #renew(): Promise<void> {
    const choice = this.#state.choice
    const password = this.#password
    this.#record = null
    this.#world.memory.save(null)
    await this.#prepare()
    this.#password = password
    this.#change({ choice, passwordKept: password !== '' })
    if (this.#state.step === 'join') this.#show('join', 'expired')
    else if (this.#state.step === 'preparing') this.#show('preparing', 'expired')
  }

  /** Cancels the attempt and forgets it. Ends with an ApiError if the cloud can't be told. */
  async #abandon(): Promise<void> {
    this.#begin()
    const id = this.#record?.attempt?.id
    if (id) {
      try {
        await this.#world.cloud.cancel(id)
      } catch (error) {
        // One that has ended needs no cancelling.
        if (!(error instanceof ApiError) || (error.status !== 409 && error.status !== 404)) throw error
      }
    }
    this.#finish()
  }

  /** Forgets all that an attempt leaves behind. */
  #finish(): void {
    this.#begin()
    this.#link?.close()
    this.#link = null
    this.#record = null
    this.#password = ''
    this.#world.memory.save(null)
    this.#change({ board: null, networks: null, choice: null, passwordKept: false, code: 0, shortCode: '', way: null })
  }

  #lost(): void {
    this.#begin()
    this.#password = ''
    this.#show('elsewhere')
  }

  /** Notes a report and sends it when the cloud can be reached. */
  #tell(report: Report): void {
    const record = this.#record
    if (!record) return
    const last = record.reports.at(-1)
    if (last && last.step === report.step && last.code === report.code && last.device === report.device) return
    record.reports.push(report)
    this.#world.memory.save(record)
    void this.#send()
  }

  async #send(): Promise<void> {
    const record = this.#record
    if (this.#sending || !record?.attempt) return
    this.#sending = true
    try {
      for (let report = record.reports[0]; report && record === this.#record; report = record.reports[0]) {
        try {
          await this.#world.cloud.report(record.attempt.id, report)
        } catch (error) {
          // What the cloud refuses once it refuses for good; the rest waits.
          if (!(error instanceof ApiError) || error.unreachable || error.status >= 500 || error.status === 401 || error.status === 429) return
        }
        record.reports.shift()
        if (record === this.#record) this.#world.memory.save(record)
      }
    } finally {
      this.#sending = false
    }
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

export { choiceOf }
export type { Network }
