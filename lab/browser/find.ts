import type { Name, Role } from './browser.ts'

/**
 * A JavaScript function's source that finds the visible, enabled element of a role
 * and accessible name, for browsers whose driver can't. It gives null if there is
 * none, and throws if there are several. Names are a string that the accessible
 * name contains, whatever the case, or a regular expression.
 */
export const finder = `function (role, source, flags) {
  const selectors = {
    button: 'button, input[type=button], input[type=submit], summary, [role=button]',
    link: 'a[href], [role=link]',
    heading: 'h1, h2, h3, h4, h5, h6, [role=heading]',
    textbox: 'input:not([type]), input[type=text], input[type=password], input[type=email], input[type=url], input[type=tel], input[type=number], textarea, [role=textbox]',
    checkbox: 'input[type=checkbox]:not([role]), [role=checkbox]',
    radio: 'input[type=radio], [role=radio]',
    switch: '[role=switch]',
    combobox: 'select, [role=combobox]',
    option: 'option, [role=option]',
    slider: 'input[type=range], [role=slider]',
    dialog: 'dialog[open], [role=dialog]',
    alert: '[role=alert]',
    status: '[role=status], output',
  }
  const clean = (text) => (text || '').replace(/\\s+/g, ' ').trim()
  const textOf = (node) =>
    node.nodeType === Node.TEXT_NODE ? node.data
      : node.nodeType !== Node.ELEMENT_NODE || node.getAttribute('aria-hidden') === 'true' ? ''
      : node.getAttribute('aria-label') || node.getAttribute('alt') || [...node.childNodes].map(textOf).join(' ')
  const byIds = (ids) => ids.split(/\\s+/).map((id) => document.getElementById(id)).filter(Boolean).map(textOf).join(' ')
  const name = (e) =>
    clean(
      (e.getAttribute('aria-labelledby') && byIds(e.getAttribute('aria-labelledby'))) ||
        e.getAttribute('aria-label') ||
        (e.labels && e.labels.length && [...e.labels].map(textOf).join(' ')) ||
        (/^(button|submit)$/.test(e.type) && e.tagName === 'INPUT' && e.value) ||
        textOf(e) || e.title || e.placeholder,
    )
  const visible = (e) => e.checkVisibility({ visibilityProperty: true }) && !e.closest('[aria-hidden=true], [inert]')
  const wanted = flags === null ? { test: (text) => text.toLowerCase().includes(source.toLowerCase()) } : new RegExp(source, flags)
  const found = [...document.querySelectorAll(selectors[role])].filter((e) => visible(e) && !e.disabled && wanted.test(name(e)))
  if (found.length > 1) {
    const exact = found.filter((e) => name(e) === source)
    if (exact.length === 1) return exact[0]
    throw new Error('there are ' + found.length + ' of ' + role + ' ' + source + ': ' + found.map(name).join(' | '))
  }
  if (!found.length) return null
  // People tap what is written beside a circle or a box.
  const target = (/^(radio|checkbox)$/.test(found[0].type) && found[0].closest('label')) || found[0]
  target.scrollIntoView({ block: 'center', behavior: 'instant' })
  return target
}`

/** The finder's arguments. */
export function wanted(role: Role, name: Name): [Role, string, string | null] {
  return typeof name === 'string' ? [role, name, null] : [role, name.source, name.flags]
}
