/** A WiFi network as phones read it from a QR code. */
export interface WifiCode {
  ssid: string
  /** Empty for an open network. */
  password: string
  hidden?: boolean
}

const escape = (text: string) => text.replace(/[\\;,":]/g, '\\$&')

/** The text of a `WIFI:` QR code. */
export function wifiCode({ ssid, password, hidden }: WifiCode): string {
  const security = password === '' ? 'T:nopass;' : `T:WPA;P:${escape(password)};`
  return `WIFI:${security}S:${escape(ssid)};${hidden ? 'H:true;' : ''};`
}
