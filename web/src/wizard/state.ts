import type { Choice, Flaw } from './configuration.ts'
import type { DeviceProblemCode } from './device.ts'
import type { BoardInfo, Network, Result } from './parse.ts'
import type { WizardProduct } from './product.ts'
import type { Way } from './ways.ts'

/** What the customer sees. */
export type Step =
  /** What there is to do. */
  | 'welcome'
  /** Sign in, or make an account. */
  | 'account'
  /** The cloud is asked for an attempt, and the page kept for off-line use. */
  | 'preparing'
  /** The customer joins the device's setup network. */
  | 'join'
  /** Why the browser will ask for a permission. */
  | 'explain_permission'
  /** A tap opens the device's own page. */
  | 'open_window'
  /** The device is looked for. */
  | 'reaching'
  /** Home network and password. */
  | 'choose'
  /** A tap on the device's page hands over. */
  | 'confirm_on_device'
  | 'handing_over'
  /** The cloud's verdict is awaited. */
  | 'watching'
  /** The device said why it could not. */
  | 'failed'
  /** The customer types on the device's page. */
  | 'by_hand'
  /** The browser's history would keep the password. */
  | 'edgent_warning'
  | 'online'
  /** The attempt is over; a new one can begin. */
  | 'ended'
  /** Another tab is at it. */
  | 'elsewhere'

/** What went wrong, by code; the page finds the words under wizard.problem.<code>. */
export type Problem =
  | DeviceProblemCode
  | Flaw
  /** The cloud can't be reached, and is needed now. */
  | 'cloud_unreachable'
  /** The cloud has trouble of its own. */
  | 'cloud_failed'
  /** The account has too many attempts open. */
  | 'too_many_open'
  /** The device is of another product. */
  | 'foreign_device'
  /** This unit isn't the one that was given the token. */
  | 'another_unit'
  /** While one unit connects, another one's setup network was joined. */
  | 'other_unit'
  /** The attempt has ended, and another one needs the cloud. */
  | 'expired'
  /** Another attempt took the place of one that had ended. */
  | 'renewed'
  /** The attempt can't be cancelled before the cloud is reached. */
  | 'cancel_later'
  /** The device refused what it was given. */
  | 'refused'
  /** The device refused what the customer has no say in. */
  | 'incompatible'
  /** The device shows no trace of what it was given. */
  | 'not_received'

/** Why the wizard is over. */
export type Ending = 'expired' | 'cancelled' | 'product_gone' | 'device_gone'

/** An attempt as the cloud opened it; the token is the device's alone. */
export interface Attempt {
  id: string
  token: string
  /** What a person can type in the token's place; empty if the cloud gives none. */
  code: string
  /** When it ends, in milliseconds of this browser's own clock. */
  expiresAt: number
  server: { host: string; port: number; tls_port: number }
}

/** Where the wizard is; free of passwords. */
export interface State {
  product: WizardProduct
  step: Step
  problem: Problem | null
  way: Way | null
  /** Whether the last word from the cloud was none. */
  offline: boolean
  /** Whether the page is kept for off-line use; null while that isn't known. */
  kept: boolean | null
  board: BoardInfo | null
  /** What the device hears, strongest first; null if it can't say. */
  networks: Network[] | null
  scanning: boolean
  choice: Choice | null
  /** Whether the password that was typed still stands. */
  passwordKept: boolean
  /** The device's error code, while failed. */
  code: number
  /** What the customer can type on the device's page. */
  shortCode: string
  /** How far the device got, as the cloud's timeline tells. */
  reached: readonly string[]
  ending: Ending | null
  /** The device to move to another WiFi; null for a new one. */
  movesDevice: string | null
  deviceId: string | null
}

/** The device's error codes that have words of their own (protocol/portal). */
export const knownCodes: readonly number[] = [700, 701, 702, 703, 704, 705, 710, 711, 712, 720, 721, 722, 723, 730, 731, 732]

/** The key under which an error code has its words: wizard.error.<key>. */
export function errorKey(code: number): string {
  return knownCodes.includes(code) ? String(code) : 'unknown'
}

/** The device's error codes after which something must be typed anew. */
export function retypeAfter(code: number): 'password' | 'network' | null {
  if (code === 722) return 'password'
  return code === 720 || code === 712 || code === 700 ? 'network' : null
}

/** What is wrong, by the parameter that a device refused. */
export function refusalOf({ field }: Result): Problem {
  switch (field) {
    case '': case 'ssid': case 'ssid_hex': case 'ssidManual': case 'pass': case 'pass_hex':
      return 'refused'
    case 'ip':
      return 'ip_unfit'
    case 'mask':
      return 'mask_unfit'
    case 'gw':
      return 'gateway_unfit'
    case 'dns': case 'dns2':
      return 'dns_unfit'
  }
  return 'incompatible'
}
