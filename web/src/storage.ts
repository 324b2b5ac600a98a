/**
 * The browser's storage, which may be forbidden or full: then what is remembered
 * lasts as long as the page. Never for WiFi passwords.
 */
const memory = new Map<string, string>()

export function remember(key: string, value: string): void {
  try {
    localStorage.setItem(key, value)
    memory.delete(key)
  } catch {
    // Forbidden or full: the page's own memory has it, and is newer than what storage may still have.
    memory.set(key, value)
  }
}

export function recall(key: string): string | null {
  try {
    return memory.get(key) ?? localStorage.getItem(key)
  } catch {
    return null
  }
}

/** Whether what is remembered would outlive the page. */
export function remembers(): boolean {
  const probe = 'tendril.probe'
  try {
    localStorage.setItem(probe, probe)
    localStorage.removeItem(probe)
    return true
  } catch {
    return false
  }
}

export function forget(key: string): void {
  memory.delete(key)
  try {
    localStorage.removeItem(key)
  } catch {
    // Nothing was kept there either.
  }
}
