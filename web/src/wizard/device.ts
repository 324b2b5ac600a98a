import type { BoardInfo, Network, Result } from './parse.ts'

/** What came of reaching for a device, by code; the page finds the words. */
export type DeviceProblemCode =
  /** Nothing answers where the portal should be. */
  | 'not_reached'
  /** Something answers that is no portal, such as a hotel's sign-in page. */
  | 'not_a_portal'
  /** A portal answers with what can't be understood. */
  | 'rubbish'
  /** The browser was told not to reach devices on the local network. */
  | 'permission_denied'
  /** The browser opened no window for the device's page. */
  | 'popup_blocked'
  /** The device's page was closed before it was done. */
  | 'window_closed'
  /** The customer said no on the device's page. */
  | 'declined'
  /** The device is taking another configuration. */
  | 'busy'
  /** The device accepts setup from its own page only. */
  | 'forbidden'

/** Why a device could not be dealt with. "unit_changed" says that another unit took the place of the one that was seen, and got nothing. */
export class DeviceProblem extends Error {
  override readonly name = 'DeviceProblem'

  constructor(readonly code: DeviceProblemCode | 'unit_changed') {
    super(code)
  }
}

/** What a device shows of itself. */
export interface Sight {
  board: BoardInfo
  /** What it hears; null if the scan failed. */
  networks: Network[] | null
}

/**
 * A way to the device while the phone is on its setup network. Calls end with a
 * DeviceProblem where it can't be reached or what answers is no portal.
 */
export interface DeviceLink {
  /** Reads what the device is and hears; onBoard hears what it is before the scan, which takes up to 20 s. */
  look(onBoard?: (board: BoardInfo) => void): Promise<Sight>
  /** What the device is; quick. */
  board(): Promise<BoardInfo>
  scan(): Promise<Network[] | null>
  /** Hands a configuration over to the unit that board told of last; "unanswered" means that the device may have it. */
  configure(network: string, parameters: Record<string, string>): Promise<Result>
  /** Tells again and again what the device is, or null while it isn't there, until the function that it gives is called. */
  watch(onBoard: (board: BoardInfo | null) => void): () => void
  /** Lets go; a page of the device's stays open. */
  leave(): void
  /** Lets go, and closes what is open. */
  close(): void
}
