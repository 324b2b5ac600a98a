import { forget, recall, remember } from '../storage.ts'
import type { Choice } from './configuration.ts'
import type { Attempt } from './state.ts'

/** What is told to the cloud of the device. */
export interface Report {
  step: 'portal_found' | 'configuration_accepted' | 'device_error'
  code?: number
  device?: string
}

/** What outlives a reload: never a password. */
export interface SetupRecord {
  /** Who asked; another account's record is nobody's. */
  account: string
  /** The Idempotency-Key, noted before the cloud is asked. */
  key: string
  movesDevice: string | null
  attempt: Attempt | null
  /** The unit that the token may have reached: its MAC, else its setup network's name. */
  unit: string | null
  choice: Choice | null
  handedOver: boolean
  /** Another unit is at hand: the attempt must be cancelled before anything else. */
  unwanted: boolean
  /** Reports that the cloud hasn't had yet, oldest first. */
  reports: Report[]
}

/** Keeps one record between loads of the page. */
export interface Memory {
  load(): SetupRecord | null
  save(record: SetupRecord | null): void
}

/** The browser's storage, one record a product. */
export function browserMemory(slug: string): Memory {
  const key = `tendril.wizard.${slug}`
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
  }
}

/** Whether what is kept was kept by this version; others begin anew. */
function isRecord(value: unknown): value is SetupRecord {
  const record = value as Partial<SetupRecord> | null
  return typeof record === 'object' && record !== null && typeof record.account === 'string' && typeof record.key === 'string' && Array.isArray(record.reports) && typeof record.handedOver === 'boolean'
}
