import { answered, api, ApiError } from '../api/client.ts'
import type { components } from '../api/schema.d.ts'
import { language } from '../i18n/i18n.svelte.ts'

/** Who is signed in, as far as this page knows. */
export type Account = components['schemas']['Account']

/** undefined: not known yet; null: nobody. */
let account = $state.raw<Account | null | undefined>(undefined)

// A session that ends, here or elsewhere, is noticed by whatever is asked next.
api.use({
  onResponse({ response }) {
    if (response.status === 401 && account) account = null
  },
})

export function current(): Account | null | undefined {
  return account
}

/** Asks the cloud who is signed in. Ends with an ApiError if it can't be reached: that is not signed out. */
export async function refresh(): Promise<Account | null> {
  account = (await answered(api.GET('/api/v1/sessions/current'))).account
  return account
}

export async function signIn(email: string, password: string): Promise<Account | null> {
  await answered(api.POST('/api/v1/sessions', { body: { email, password } }))
  return refresh()
}

/** Makes an account; signing in to it is another step. */
export async function signUp(email: string, password: string): Promise<void> {
  await answered(api.POST('/api/v1/accounts', { body: { email, password, language: language() } }))
}

export async function signOut(): Promise<void> {
  try {
    await answered(api.DELETE('/api/v1/sessions/current'))
  } catch (error) {
    // A session that has ended is as good as ended.
    if (!(error instanceof ApiError) || error.status !== 401) throw error
  }
  account = null
}

/** Forgets who was signed in, after the account was deleted. */
export function left(): void {
  account = null
}
