import { forget, recall, remember, remembers } from '../storage.ts'
import type { Choice } from './configuration.ts'
import type { Attempt } from './state.ts'

/** What is told to the cloud of the device. */
export interface Report {
  step: 'portal_found' | 'configuration_accepted' | 'device_error'
  code?: number
  device?: string
}

/** Whose hands the token may be in: nobody's yet, a device's, or a person's who types. */
export type Stage = 'open' | 'handed_over' | 'by_hand'

/** Why an attempt must be cancelled before anything else. */
export type Unwanted = 'another_unit' | 'expired' | 'cancelled'

/** What outlives a reload: never a password. */
export interface SetupRecord {
  /** Who asked; another account's record is nobody's. */
  account: string
  /** The Idempotency-Key, noted before the cloud is asked. */
  key: string
  /** Asked for with; a repeat must ask for the same. */
  timeZone: string
  movesDevice: string | null
  attempt: Attempt | null
  /** The unit that the token may have reached: its MAC, else its setup network's name. */
  unit: string | null
  choice: Choice | null
  stage: Stage
  /** Whether the device is known to have taken what it was handed. */
  accepted: boolean
  /** The error that the device showed before it was handed anything; 0 if none. */
  errorBefore: number
  /** Why the device failed, by its code; 0 if it hasn't. */
  failed: number
  unwanted: Unwanted | null
  /** Reports that the cloud hasn't had yet, oldest first. */
  reports: Report[]
}

/** Keeps one record between loads of the page. */
export interface Memory {
  load(): SetupRecord | null
  save(record: SetupRecord | null): void
  /** Whether a record would outlive the page. */
  lasts(): boolean
}

/** The browser's storage, one record a product. */
export function browserMemory(productId: string): Memory {
  const key = `tendril.wizard.${productId}`
  return {
    load() {
      try {
        const record: unknown = JSON.parse(recall(key) ?? 'null')
        return isRecord(record) ? record : null
      } catch {
        return null
      }
    },
    save(record) {
      if (record) remember(key, JSON.stringify(record))
      else forget(key)
    },
    lasts: remembers,
  }
}

type Shape = Record<string, unknown>

const shape = (value: unknown): value is Shape => typeof value === 'object' && value !== null && !Array.isArray(value)
const texts = (of: Shape, ...names: string[]) => names.every((name) => typeof of[name] === 'string')
const orNull = (value: unknown, fits: (value: unknown) => boolean) => value === null || fits(value)
const isText = (value: unknown) => typeof value === 'string'

/** Whether what is kept was kept by this version; with anything else one begins anew. */
function isRecord(value: unknown): value is SetupRecord {
  return (
    shape(value) && texts(value, 'account', 'key', 'timeZone') && orNull(value.movesDevice, isText) && orNull(value.unit, isText) &&
    orNull(value.attempt, isAttempt) && orNull(value.choice, isChoice) && typeof value.failed === 'number' && typeof value.errorBefore === 'number' && typeof value.accepted === 'boolean' && Array.isArray(value.reports) && value.reports.every(shape) &&
    ['open', 'handed_over', 'by_hand'].includes(value.stage as string) && orNull(value.unwanted, (why) => ['another_unit', 'expired', 'cancelled'].includes(why as string))
  )
}

function isAttempt(value: unknown): value is Attempt {
  if (!shape(value) || !texts(value, 'id', 'token', 'code') || typeof value.expiresAt !== 'number') return false
  const server = value.server
  return shape(server) && texts(server, 'host') && typeof server.port === 'number' && typeof server.tls_port === 'number'
}

function isChoice(value: unknown): value is Choice {
  return shape(value) && texts(value, 'name') && orNull(value.ssidHex, isText) && typeof value.hidden === 'boolean' && typeof value.open === 'boolean' &&
    orNull(value.address, (address) => shape(address) && texts(address, 'ip', 'mask', 'gw', 'dns', 'dns2'))
}
