import type { CloudPort } from './cloud.ts'
import type { DeviceLink, Sight } from './device.ts'
import type { Memory } from './memory.ts'
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
  /** What a hop brought back, once; null if none did. */
  returned(): Sight | null
  /** Remembers, for this view of the page alone, which device came of it; null for none. */
  finish(deviceId: string | null): void
  /** Which device came of it before the page was loaded anew; null if none. */
  finished(): string | null
  /** Hands over to a device of Edgent, unheard. */
  edgent: { reach(): Promise<void>; send(parameters: Record<string, string>): Promise<void>; navigate(parameters: Record<string, string>): void }
  /** Keeps the page for off-line use; false where that can't be. */
  keep(): Promise<boolean>
  /** Claims the product's wizard among the tabs of this browser and gives what gives it back; null if another has it and is not to lose it. lost is called when another takes it. */
  claim(take: boolean, lost: () => void): Promise<(() => void) | null>
  newKey(): string
  /** IANA name; empty if unknown. */
  timeZone(): string
  now(): number
  /** Lets time pass. */
  wait(milliseconds: number): Promise<void>
}
