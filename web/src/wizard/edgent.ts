import { DeviceProblem } from './device.ts'
import { isPrivateAddress } from './direct.ts'

/** How long a device of Edgent may take to answer, in milliseconds. */
const timeout = 10_000

/** The address that hands a configuration to a device of Edgent: it takes GET only, and lets no page read its answer. */
export function edgentLink(portalUrl: string, parameters: Record<string, string>): string {
  const url = new URL('/config', portalUrl)
  // Not every device takes a plus for a space.
  url.search = new URLSearchParams(parameters).toString().replaceAll('+', '%20')
  return url.href
}

/**
 * Hands the configuration over without being let to read the answer: the cloud
 * gives the verdict. Ends with not_reached where nothing answered.
 */
export async function sendToEdgent(portalUrl: string, parameters: Record<string, string>, fetcher: typeof fetch = (...args) => fetch(...args)): Promise<void> {
  const options: RequestInit & { targetAddressSpace?: 'local' } = {
    mode: 'no-cors', cache: 'no-store', credentials: 'omit', referrerPolicy: 'no-referrer', signal: AbortSignal.timeout(timeout),
  }
  if (isPrivateAddress(new URL(portalUrl).hostname)) options.targetAddressSpace = 'local'
  try {
    await fetcher(edgentLink(portalUrl, parameters), options)
  } catch {
    throw new DeviceProblem('not_reached')
  }
}
