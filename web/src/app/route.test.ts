import { expect, test } from 'vitest'
import { isPublic, routeOf } from './route.ts'

test.each([
  ['/', { page: 'home' }],
  ['/devices/4kX0pQ2a', { page: 'device', id: '4kX0pQ2a' }],
  ['/devices/4kX0_Q-a/log', { page: 'log', id: '4kX0_Q-a' }],
  ['/account', { page: 'account' }],
  ['/add', { page: 'add' }],
  ['/confirm-email', { page: 'confirm_email' }],
  ['/reset-password', { page: 'reset_password' }],
  ['/devices', { page: 'unknown' }],
  ['/devices/', { page: 'unknown' }],
  ['/devices/a/b', { page: 'unknown' }],
  ['/devices/a/log/', { page: 'unknown' }],
  ['/devices/../account', { page: 'unknown' }],
  ['constructor', { page: 'unknown' }],
])('%s', (path, route) => {
  expect(routeOf(path)).toEqual(route)
})

test('links from e-mails need no sign-in, devices do', () => {
  expect(['/confirm-email', '/reset-password', '/nonsense', '/', '/devices/a', '/account'].map((path) => isPublic(routeOf(path)))).toEqual([true, true, true, false, false, false])
})
