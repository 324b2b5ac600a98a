import { answered, api, ApiError } from '../api/client.ts'

/** Who is signed in, as far as this page knows. */
export interface Account {
  id: string
  email: string
}

/** undefined: not known yet; null: nobody. */
let account = $state<Account | null | undefined>(undefined)

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

/** Makes an account and signs in to it. */
export async function signUp(email: string, password: string): Promise<Account | null> {
  await answered(api.POST('/api/v1/accounts', { body: { email, password } }))
  return signIn(email, password)
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
