import { randomBytes } from 'node:crypto'
import { existsSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import type { components } from '../web/src/api/schema.d.ts'
import type { Ground } from './ground/ground.ts'
import { ask } from './ground/http.ts'
import { Program } from './ground/process.ts'

/** A refusal of the HTTP API. */
export class Refused extends Error {
  constructor(
    readonly status: number,
    readonly code: string,
    call: string,
    detail: string,
  ) {
    super(`${call}: ${status} ${code}: ${detail}`)
  }
}

export interface Account {
  email: string
  password: string
}

type Schemas = components['schemas']

/** A device as the API shows it. */
export type OwnedDevice = Schemas['Device']

/** The real cloud, `tendril serve`, seen by its operator. */
export class Cloud {
  /** Its origin, for people and for devices. */
  readonly url: string
  readonly data: string
  private program: Program | null = null

  constructor(
    private readonly ground: Ground,
    private readonly binary: string,
    private readonly flags: string[],
  ) {
    this.url = ground.publicURL
    this.data = join(ground.cloud.folder, 'data')
  }

  /** What devices and browsers trust it by, in PEM. */
  get ca(): string {
    return join(this.data, 'ca.pem')
  }

  authority(): string {
    return readFileSync(this.ca, 'utf8')
  }

  async start(): Promise<void> {
    const log = join(this.ground.cloud.folder, 'cloud.log')
    const argv = [this.binary, 'serve', '--data', this.data, '--log-format', 'json', ...this.ground.cloudFlags(), ...this.flags]
    const before = existsSync(log) ? readFileSync(log).length : 0
    const program = new Program('the cloud', this.ground.cloud.command(argv), { log })
    this.program = program
    const said = () => lines(readFileSync(log).subarray(before).toString())
    await program.until(() => said().some((line) => line.msg === 'the cloud is up'), 'being up')
    const port = (message: string) => Number(said().find((line) => line.msg === message)?.address?.split(':').at(-1))
    this.ground.cloudIsUp({ plain: port('listening for devices and HTTP'), tls: port('listening for devices and HTTP under TLS') })
  }

  /** Ends it in order, or as in a crash. */
  async stop(how: 'in order' | 'crash' = 'in order'): Promise<void> {
    await this.program?.stop(how === 'crash' ? 'SIGKILL' : 'SIGTERM')
    this.program = null
  }

  async restart(how: 'in order' | 'crash' = 'in order'): Promise<void> {
    await this.stop(how)
    await this.start()
  }

  /** Makes a request as the operator, who may do everything; throws Refused. */
  api<T>(method: string, path: string, body?: unknown): Promise<T> {
    return this.call({ socketPath: join(this.data, 'tendril.sock') }, method, path, body)
  }

  /** Signs an account in; what it gives makes requests as that account. */
  async signIn({ email, password }: Account): Promise<<T>(method: string, path: string, body?: unknown) => Promise<T>> {
    const as = async <T>(method: string, path: string, body?: unknown, token?: string): Promise<T> => {
      const socket = await this.ground.cloud.connect('127.0.0.1', this.ground.apiPort)
      return this.call(socket, method, path, body, token)
    }
    const { token } = await as<{ token: string }>('POST', '/sessions', { email, password })
    return (method, path, body) => as(method, path, body, token)
  }

  private async call<T>(on: Parameters<typeof ask>[0], method: string, path: string, body?: unknown, token?: string): Promise<T> {
    const headers = { ...(body !== undefined && { 'Content-Type': 'application/json' }), ...(token && { Authorization: `Bearer ${token}` }) }
    const answer = await ask(on, method, `/api/v1${path}`, { headers, ...(body !== undefined && { body: JSON.stringify(body) }) })
    const doc = answer.body === '' ? undefined : (JSON.parse(answer.body) as unknown)
    if (answer.status >= 400) {
      const problem = doc as { code?: string; detail?: string } | undefined
      throw new Refused(answer.status, problem?.code ?? '', `${method} ${path}`, problem?.detail ?? '')
    }
    return doc as T
  }

  /** Makes an account with a password of its own. */
  async account(email: string, role: 'customer' | 'maker' = 'customer'): Promise<Account> {
    const password = randomBytes(12).toString('base64url')
    await this.api('POST', '/accounts', { email, password, role })
    return { email, password }
  }

  /** All devices of everyone. */
  async devices(): Promise<Schemas['Device'][]> {
    return (await this.api<Schemas['ListDevice']>('GET', '/devices?all=true&limit=200')).items
  }

  /** All attempts of everyone with their timelines, newest first. */
  async attempts(): Promise<Schemas['Provisioning'][]> {
    const { items } = await this.api<Schemas['ListProvisioning']>('GET', '/provisionings?limit=200')
    return Promise.all(items.map(({ id }) => this.api<Schemas['Provisioning']>('GET', `/provisionings/${id}`)))
  }
}

interface LogLine {
  msg: string
  address?: string
}

function lines(text: string): LogLine[] {
  return text.split('\n').flatMap((line) => {
    try {
      return [JSON.parse(line) as LogLine]
    } catch {
      return []
    }
  })
}
