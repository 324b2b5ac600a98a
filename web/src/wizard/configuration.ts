import { maxSsidBytes, utf8Length, type Network } from './parse.ts'

/** A static address; IPv4 in dotted form. dns and dns2 may be empty. */
export interface StaticAddress {
  ip: string
  mask: string
  gw: string
  dns: string
  dns2: string
}

/** The home network that the customer chose; its password is kept apart. */
export interface Choice {
  name: string
  ssidHex: string | null
  hidden: boolean
  /** Whether the network wants no password, for certain. */
  open: boolean
  address: StaticAddress | null
}

/** Where the cloud sends devices. */
export interface Server {
  host: string
  port: number
  tls_port: number
}

export function choiceOf(network: Network): Choice {
  return { name: network.name, ssidHex: network.ssidHex, hidden: false, open: network.open, address: null }
}

/** Why a choice can't be handed over, by the field that is wrong; the page finds the words. */
export type Flaw =
  | 'ssid_missing'
  | 'ssid_long'
  | 'password_missing'
  | 'password_length'
  | 'ip_unfit'
  | 'mask_unfit'
  | 'gateway_unfit'
  | 'dns_unfit'

/** WPA: 8 to 63 bytes (IEEE 802.11, J.4.1); WEP: 5 or 13. */
function passwordFits(password: string): boolean {
  const size = utf8Length(password)
  return (size >= 8 && size <= 63) || size === 5 || size === 13
}

function ipv4(text: string): number | null {
  const parts = text.trim().split('.')
  if (parts.length !== 4 || !parts.every((part) => /^(0|[1-9]\d{0,2})$/.test(part) && Number(part) <= 255)) return null
  return parts.reduce((sum, part) => sum * 256 + Number(part), 0)
}

/** The first thing that is wrong with a choice; null if it can be handed over. */
export function flawOf(choice: Choice, password: string): Flaw | null {
  if (!choice.ssidHex && choice.name === '') return 'ssid_missing'
  if (!choice.ssidHex && utf8Length(choice.name) > maxSsidBytes) return 'ssid_long'
  if (!choice.open && password === '' && !choice.hidden) return 'password_missing'
  if (!choice.open && password !== '' && !passwordFits(password)) return 'password_length'
  return choice.address ? addressFlaw(choice.address) : null
}

function addressFlaw(address: StaticAddress): Flaw | null {
  const ip = ipv4(address.ip)
  const mask = ipv4(address.mask)
  const gateway = ipv4(address.gw)
  if (ip === null || ip === 0) return 'ip_unfit'
  // A mask is ones and then zeros: what is left of the inverse plus one is a power of two.
  const hosts = mask === null ? NaN : 2 ** 32 - mask
  if (mask === null || mask === 0 || !Number.isInteger(Math.log2(hosts))) return 'mask_unfit'
  const network = (address: number) => Math.floor(address / hosts)
  if (gateway === null || gateway === ip || network(gateway) !== network(ip)) return 'gateway_unfit'
  for (const server of [address.dns, address.dns2]) {
    if (server.trim() !== '' && ipv4(server) === null) return 'dns_unfit'
  }
  return null
}

/** The parameters of /config, as both old and new devices take them (facts of the portal's API). */
export function parametersOf(choice: Choice, password: string, token: string, server: Server): Record<string, string> {
  const parameters: Record<string, string> = { if: 'wifi' }
  if (choice.ssidHex) parameters.ssid_hex = choice.ssidHex
  else parameters.ssid = choice.name
  if (choice.hidden) parameters.ssidManual = choice.name
  parameters.pass = choice.open ? '' : password
  parameters.blynk = token
  parameters.host = server.host
  parameters.port = String(server.port)
  parameters.port_ssl = String(server.tls_port)
  if (choice.address) {
    for (const [name, value] of Object.entries(choice.address)) {
      if (value.trim() !== '') parameters[name] = value.trim()
    }
  }
  return parameters
}

/** Whether two choices are of one network. */
export function sameNetwork(a: Pick<Choice, 'name' | 'ssidHex'>, b: Pick<Choice, 'name' | 'ssidHex'>): boolean {
  return (a.ssidHex ?? a.name) === (b.ssidHex ?? b.name)
}
