import { readdirSync, readFileSync } from 'node:fs'
import { join, relative } from 'node:path'
import { createDecipheriv, pbkdf2Sync } from 'node:crypto'
import { brotliDecompressSync, gunzipSync, inflateSync } from 'node:zlib'

/**
 * Where a secret is found in the files of a folder, as it is or as browsers and
 * pages may have written it: "file (encoding)". Say nothing of the secret itself.
 */
export function findSecret(folder: string, secret: string): string[] {
  const wanted = spellings(secret)
  const found: string[] = []
  for (const entry of readdirSync(folder, { recursive: true, withFileTypes: true })) {
    if (!entry.isFile()) continue
    const path = join(entry.parentPath, entry.name)
    for (const encoding of holds(readFileSync(path), wanted)) found.push(`${relative(folder, path)} (${encoding})`)
  }
  return found.sort()
}

/** The encodings in which the bytes hold the secret. */
export function encodingsOf(bytes: Buffer, secret: string): string[] {
  return holds(bytes, spellings(secret))
}

function holds(bytes: Buffer, wanted: Map<string, Buffer[]>): string[] {
  const found: string[] = []
  for (const [part, text] of [['', bytes], ...unpacked(bytes)] as [string, Buffer][]) {
    for (const [encoding, patterns] of wanted) {
      if (patterns.some((pattern) => text.includes(pattern))) found.push(part + encoding)
    }
  }
  return found
}

function spellings(secret: string): Map<string, Buffer[]> {
  if (secret.length < 8) throw new Error('a secret of less than 8 characters is found by chance')
  const utf8 = Buffer.from(secret)
  const percent = [...utf8].map((byte) => `%${byte.toString(16).padStart(2, '0')}`).join('')
  const component = encodeURIComponent(secret)
  const json = JSON.stringify(secret).slice(1, -1)
  const unicode = json.replace(/[^\x20-\x7e]|[<>&']/g, (c) => `\\u${c.charCodeAt(0).toString(16).padStart(4, '0')}`)
  const html = secret.replaceAll('&', '&amp;').replaceAll('<', '&lt;').replaceAll('>', '&gt;').replaceAll('"', '&quot;')
  const bytes = (...texts: string[]) => texts.map((text) => Buffer.from(text))
  return new Map([
    ['as it is', [utf8]],
    ['UTF-16', [Buffer.from(secret, 'utf16le'), Buffer.from(secret, 'utf16le').swap16()]],
    ['Latin-1', /^[\x20-\xff]*$/.test(secret) ? [Buffer.from(secret, 'latin1')] : []],
    ['percent-encoded', bytes(component, component.replaceAll('%20', '+'), component.toLowerCase(), encodeURI(secret), new URLSearchParams({ s: secret }).toString().slice(2), percent, percent.toUpperCase())],
    ['JSON', bytes(json, unicode)],
    ['HTML', bytes(html, html.replaceAll("'", '&#39;'))],
    ['hexadecimal', bytes(utf8.toString('hex'), utf8.toString('hex').toUpperCase())],
    ['base64', [0, 1, 2].flatMap((shift) => base64Inside(utf8, shift))],
    ['base64 of UTF-16', [0, 1, 2].flatMap((shift) => base64Inside(Buffer.from(secret, 'utf16le'), shift))],
  ])
}

/** The middle of the bytes' base64 when they stand so many bytes after a group's start, without the characters that their neighbours shape. */
function base64Inside(bytes: Buffer, shift: number): Buffer[] {
  const text = Buffer.concat([Buffer.alloc(shift), bytes]).toString('base64').replaceAll('=', '')
  const inside = text.slice(Math.ceil((shift * 8) / 6), Math.floor(((shift + bytes.length) * 8) / 6))
  return [inside, inside.replaceAll('+', '-').replaceAll('/', '_')].map((spelled) => Buffer.from(spelled))
}

/** What is compressed in the bytes, gzip anywhere, zlib and Brotli from the start, and what Chromium has encrypted in databases. */
function unpacked(bytes: Buffer): [string, Buffer][] {
  const parts: [string, Buffer][] = []
  const limit = { maxOutputLength: 64 << 20 }
  const attempt = (name: string, unpack: () => Buffer) => {
    try {
      parts.push([`${name}, `, unpack()])
    } catch {
      // It isn't that.
    }
  }
  for (let at = bytes.indexOf('\x1f\x8b\x08', 0, 'latin1'); at >= 0; at = bytes.indexOf('\x1f\x8b\x08', at + 1, 'latin1')) {
    attempt('gzip', () => gunzipSync(bytes.subarray(at), limit))
  }
  if (bytes.subarray(0, 6).toString() === 'SQLite') {
    for (let at = bytes.indexOf('v10'); at >= 0; at = bytes.indexOf('v10', at + 1)) parts.push(['encrypted, ', decrypted(bytes.subarray(at + 3, at + 3 + 4096))])
  }
  if (bytes[0] === 0x78) attempt('zlib', () => inflateSync(bytes, limit))
  if (bytes.length > 0 && bytes.length < 1 << 20) attempt('Brotli', () => brotliDecompressSync(bytes, limit))
  return parts
}

/** The key of Chromium's cookies and passwords on Linux without a keyring, which is the same on every machine. */
const chromiumKey = pbkdf2Sync('peanuts', 'saltysalt', 1, 16, 'sha1')

function decrypted(bytes: Buffer): Buffer {
  const decipher = createDecipheriv('aes-128-cbc', chromiumKey, Buffer.alloc(16, ' ')).setAutoPadding(false)
  return decipher.update(bytes.subarray(0, bytes.length - (bytes.length % 16)))
}
