/**
 * What a device's portal says, read with suspicion: anything may answer at a
 * portal's address. Nothing here throws; null is "this is no portal's answer".
 */

/** The answer of /board_info.json, as far as the wizard needs it. */
export interface BoardInfo {
  templateId: string
  name: string
  vendor: string
  /** The setup network's name. */
  ssid: string
  /** Empty where a device doesn't say. */
  mac: string
  /** Why the last attempt failed; 0 if none did. */
  lastError: number
  scans: boolean
  staticAddress: boolean
  /** Whether the device takes a short code in a token's place. */
  code: boolean
}

/** A WiFi network as the device hears it. */
export interface Network {
  /** The name for people. */
  name: string
  /** The name's bytes as hexadecimal digits, where it isn't UTF-8; null else. */
  ssidHex: string | null
  /** dBm. */
  rssi: number
  /** No password, for certain. */
  open: boolean
}

/** The answer of /config. */
export interface Result {
  status: 'ok' | 'error' | 'declined' | 'unanswered'
  message: string
  field: string
}

/** The longest answer of a portal that is read, in characters. */
export const maxAnswer = 32 * 1024
const maxNetworks = 64
/** IEEE 802.11, 9.4.2.2. */
export const maxSsidBytes = 32

const encoder = new TextEncoder()

export function utf8Length(text: string): number {
  return encoder.encode(text).length
}

type Fields = Record<string, unknown>

function fieldsOf(value: unknown): Fields | null {
  return typeof value === 'object' && value !== null && !Array.isArray(value) ? (value as Fields) : null
}

function text(value: unknown, most = 128): string {
  return typeof value === 'string' ? value.slice(0, most) : ''
}

function json(raw: string): unknown {
  if (raw.length > maxAnswer) return undefined
  try {
    return JSON.parse(raw)
  } catch {
    return undefined
  }
}

/** Reads a value that should be board info. */
export function boardInfoOf(value: unknown): BoardInfo | null {
  const fields = fieldsOf(value)
  const templateId = text(fields?.tmpl_id, 64)
  if (!fields || !templateId.startsWith('TMPL')) return null
  let mac = text(fields.mac, 32)
  // Edgent of 2026 lists its interfaces in place of one MAC.
  if (!mac && Array.isArray(fields.ifs)) mac = text(fieldsOf(fields.ifs.find((one) => fieldsOf(one)?.name === 'wifi'))?.mac, 32)
  const error = fields.last_error
  return {
    templateId,
    name: text(fields.name, 64),
    vendor: text(fields.vendor, 64),
    ssid: text(fields.ssid, 64),
    mac: mac.toUpperCase(),
    lastError: typeof error === 'number' && Number.isInteger(error) && error >= 0 && error <= 999 ? error : 0,
    scans: fields.wifi_scan !== false,
    staticAddress: fields.static_ip === true,
    code: fields.short_code === true,
  }
}

export function parseBoardInfo(raw: string): BoardInfo | null {
  return boardInfoOf(json(raw))
}

/** What can be read of bytes that aren't all UTF-8. */
function textOfHex(hex: string): string {
  return new TextDecoder().decode(Uint8Array.from(hex.match(/../g) ?? [], (byte) => parseInt(byte, 16)))
}

function networkOf(value: unknown): Network | null {
  const fields = fieldsOf(value)
  if (!fields || fields.hidden === true) return null
  const hex = text(fields.ssid_hex, 2 * maxSsidBytes + 1)
  const ssidHex = /^([0-9a-f]{2}){1,32}$/i.test(hex) ? hex.toLowerCase() : null
  const name = text(fields.ssid, maxSsidBytes * 2) || (ssidHex ? textOfHex(ssidHex) : '')
  if (!name || (!ssidHex && utf8Length(name) > maxSsidBytes)) return null
  const rssi = typeof fields.rssi === 'number' && Number.isFinite(fields.rssi) ? Math.max(-120, Math.min(0, Math.round(fields.rssi))) : -100
  const security = text(fields.sec, 32).toUpperCase()
  return { name, ssidHex, rssi, open: security === 'OPEN' || security === 'NONE' }
}

/** Reads a value that should be a scan: access points of one network merged under the best signal, strongest first, hidden ones left out. */
export function networksOf(value: unknown): Network[] | null {
  if (!Array.isArray(value)) return null
  const best = new Map<string, Network>()
  for (const one of value.slice(0, maxNetworks)) {
    const network = networkOf(one)
    if (!network) continue
    const key = network.ssidHex ?? network.name
    const other = best.get(key)
    if (!other || network.rssi > other.rssi) best.set(key, network)
  }
  return [...best.values()].sort((a, b) => b.rssi - a.rssi)
}

export function parseNetworks(raw: string): Network[] | null {
  return networksOf(json(raw))
}

/** Reads a value that should be the answer to a configuration. */
export function resultOf(value: unknown): Result | null {
  const fields = fieldsOf(value)
  const status = fields?.status
  if (!fields || (status !== 'ok' && status !== 'error' && status !== 'declined' && status !== 'unanswered')) return null
  return { status, message: text(fields.msg), field: text(fields.field, 32) }
}

export function parseResult(raw: string): Result | null {
  const result = resultOf(json(raw))
  // Only a page can decline; a device answers.
  return result && (result.status === 'ok' || result.status === 'error') ? result : null
}

/** The signal from 0, barely there, to 4, next to it. */
export function barsOf(rssi: number): 0 | 1 | 2 | 3 | 4 {
  if (rssi >= -55) return 4
  if (rssi >= -65) return 3
  if (rssi >= -75) return 2
  return rssi >= -85 ? 1 : 0
}

/** What tells one unit from another: its MAC, else its setup network's name. */
export function unitOf(board: BoardInfo): string {
  return board.mac || board.ssid
}
