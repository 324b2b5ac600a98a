/** Whatever the wizard can say by code has its words. */
import { expect, test } from 'vitest'
import words from '../../messages/en/wizard.json'
import { knownCodes, type Ending, type Problem, type Step } from './state.ts'

const catalogue: Record<string, string> = words

/** Each problem: told under a headline of its own, or at the field that is wrong. */
const problems: Record<Problem, 'headline' | 'field'> = {
  not_reached: 'headline', not_a_portal: 'headline', rubbish: 'headline', permission_denied: 'headline', popup_blocked: 'headline', window_closed: 'headline',
  declined: 'headline', busy: 'headline', forbidden: 'headline', cloud_unreachable: 'headline', cloud_failed: 'headline', too_many_open: 'headline',
  foreign_device: 'headline', another_unit: 'headline', other_unit: 'headline', expired: 'headline', renewed: 'headline', cancel_later: 'headline', refused: 'headline',
  incompatible: 'headline', not_received: 'headline',
  ssid_missing: 'field', ssid_long: 'field', password_missing: 'field', password_length: 'field', ip_unfit: 'field', mask_unfit: 'field', gateway_unfit: 'field', dns_unfit: 'field',
}

const steps: Record<Step, true> = {
  welcome: true, account: true, preparing: true, join: true, explain_permission: true, open_window: true, reaching: true, choose: true, confirm_on_device: true,
  handing_over: true, watching: true, failed: true, by_hand: true, edgent_warning: true, online: true, ended: true, elsewhere: true,
}

const endings: Record<Ending, true> = { expired: true, cancelled: true, product_gone: true, device_gone: true }

const wanted = [
  ...Object.entries(problems).flatMap(([problem, told]) => [`wizard.problem.${problem}`, ...(told === 'headline' ? [`wizard.problem.${problem}.title`] : [])]),
  ...Object.keys(steps).map((step) => `wizard.${step}.title`),
  ...Object.keys(endings).map((ending) => `wizard.ended.${ending}`),
  ...[...knownCodes, 'unknown'].flatMap((code) => [`wizard.error.${code}.title`, `wizard.error.${code}.advice`]),
]

test.each(wanted)('%s has words', (key) => {
  expect(catalogue[key] ?? '').not.toBe('')
})

test('no words of problems and errors are left over', () => {
  expect(Object.keys(catalogue).filter((key) => /^wizard\.(problem|error)\./.test(key) && !wanted.includes(key))).toEqual([])
})
