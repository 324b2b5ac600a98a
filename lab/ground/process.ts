import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { closeSync, openSync, readFileSync } from 'node:fs'
import { createInterface } from 'node:readline'
import { setTimeout as delay } from 'node:timers/promises'

export interface ProgramOptions {
  /** Takes what it says on standard error. */
  log: string
  env?: Record<string, string>
  /** Hears each line of standard output. */
  line?: (line: string) => void
}

/** A program that runs beside the tests until it is stopped. */
export class Program {
  private readonly child: ChildProcess
  private readonly ended: Promise<unknown>

  constructor(
    readonly name: string,
    argv: string[],
    private readonly options: ProgramOptions,
  ) {
    const [file, ...args] = argv
    if (!file) throw new Error(`${name} has no command`)
    const log = openSync(options.log, 'a')
    // Of a process group of its own, so that Ctrl-C reaches the tests alone, which then end it in order.
    this.child = spawn(file, args, { stdio: ['pipe', 'pipe', log], detached: true, env: { ...process.env, ...options.env } })
    closeSync(log)
    this.ended = Promise.race([once(this.child, 'exit'), once(this.child, 'error')]).catch(() => {})
    this.child.stdin?.on('error', () => {})
    if (options.line && this.child.stdout) createInterface(this.child.stdout).on('line', options.line)
    else this.child.stdout?.resume()
  }

  get running(): boolean {
    return this.child.pid !== undefined && this.child.exitCode === null && this.child.signalCode === null
  }

  /** The process that was started: the way into a namespace, or the program itself. */
  get pid(): number {
    if (this.child.pid === undefined) throw new Error(`${this.name} did not start`)
    return this.child.pid
  }

  write(text: string): void {
    this.child.stdin?.write(text)
  }

  /** Waits until ready holds; fails when the program ends before. */
  async until(ready: () => boolean | Promise<boolean>, what: string, timeout = 20_000): Promise<void> {
    const deadline = Date.now() + timeout
    while (!(await ready())) {
      if (!this.running) throw new Error(`${this.name} has ended before ${what}:\n${this.said()}`)
      if (Date.now() > deadline) throw new Error(`${this.name}: no ${what} within ${timeout} ms:\n${this.said()}`)
      await delay(10)
    }
  }

  /** The end of what it said on standard error. */
  said(): string {
    return readFileSync(this.options.log, 'utf8').split('\n').slice(-30).join('\n')
  }

  signal(signal: NodeJS.Signals): void {
    // nsenter hands no signal on, but ends with what it has started.
    send(entered(this.pid) ?? this.pid, signal)
  }

  /** Ends it, with SIGKILL for a crash; where it doesn't follow, by force. */
  async stop(signal: NodeJS.Signals = 'SIGTERM'): Promise<void> {
    if (!this.running) return
    this.signal(signal)
    const timer = setTimeout(() => send(-this.pid, 'SIGKILL'), 15_000)
    await this.ended
    clearTimeout(timer)
  }
}

function send(pid: number, signal: NodeJS.Signals): void {
  try {
    process.kill(pid, signal)
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ESRCH') throw error
  }
}

/** The process that nsenter has started; undefined for any other program. */
function entered(pid: number): number | undefined {
  try {
    if (readFileSync(`/proc/${pid}/comm`, 'utf8').trim() !== 'nsenter') return undefined
    const child = Number.parseInt(readFileSync(`/proc/${pid}/task/${pid}/children`, 'utf8'), 10)
    return Number.isNaN(child) ? undefined : child
  } catch {
    return undefined
  }
}
