/**
 * The browser's storage, which may be forbidden or full: then what is remembered
 * lasts as long as the page. Never for WiFi passwords.
 */
const memory = new Map<string, string>()

export function remember(key: string, value: string): void {
  memory.set(key, value)
  try {
    localStorage.setItem(key, value)
  } catch {
    // Forbidden or full: the page's own memory has it.
  }
}

export function recall(key: string): string | null {
  try {
    return localStorage.getItem(key) ?? memory.get(key) ?? null
  } catch {
    return memory.get(key) ?? null
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
