/** What is asked of the cloud on behalf of a record. */
import { ApiError } from '../api/client.ts'
import type { CloudPort } from './cloud.ts'
import type { Report, SetupRecord } from './memory.ts'
import type { Attempt } from './state.ts'

/** Opens the record's attempt, or finds it by the record's key. Ends with an ApiError. */
export async function openAttempt(cloud: CloudPort, productId: string, record: SetupRecord): Promise<Attempt> {
  const ask = () => cloud.open({ productId, deviceId: record.movesDevice, timeZone: record.timeZone }, record.key)
  try {
    return await ask()
  } catch (error) {
    if (!(error instanceof ApiError) || error.code !== 'unknown_time_zone') throw error
    // The browser knows a zone that the cloud doesn't.
    record.timeZone = ''
    return ask()
  }
}

/** Cancels the record's attempt; gives the device if it is online already. Ends with an ApiError where it may still be open. */
export async function cancelAttempt(cloud: CloudPort, productId: string, record: SetupRecord): Promise<string | null> {
  try {
    // The answer that said which attempt it is may have been lost.
    record.attempt ??= await openAttempt(cloud, productId, record)
    await cloud.cancel(record.attempt.id)
  } catch (error) {
    if (!(error instanceof ApiError) || passing(error)) throw error
    // What was never opened or has ended needs no cancelling.
    if (error.code === 'already_online' && record.attempt) return (await cloud.attempt(record.attempt.id)).deviceId
  }
  return null
}

/** Notes a report to be sent; false if it says what the one before said. */
export function note(record: SetupRecord, report: Report): boolean {
  const last = record.reports.at(-1)
  if (last && last.step === report.step && last.code === report.code && last.device === report.device) return false
  record.reports.push(report)
  return true
}

/** Sends a record's reports when the cloud can be reached, in order, each once. */
export class Outbox {
  #sending = false
  readonly #cloud: CloudPort
  readonly #sent: (record: SetupRecord) => void

  /** sent hears of each report that is done with. */
  constructor(cloud: CloudPort, sent: (record: SetupRecord) => void) {
    this.#cloud = cloud
    this.#sent = sent
  }

  async send(record: SetupRecord): Promise<void> {
    if (this.#sending || !record.attempt) return
    this.#sending = true
    try {
      for (let report = record.reports[0]; report; report = record.reports[0]) {
        try {
          await this.#cloud.report(record.attempt.id, report)
        } catch (error) {
          // What the cloud refuses once it refuses for good; the rest waits.
          if (!(error instanceof ApiError) || passing(error)) return
        }
        record.reports.shift()
        this.#sent(record)
      }
    } finally {
      this.#sending = false
    }
  }
}

/** Whether the cloud may say otherwise when asked again. */
function passing(error: ApiError): boolean {
  return error.unreachable || error.status >= 500 || error.status === 401 || (error.status === 429 && error.code !== 'timeline_full')
}
