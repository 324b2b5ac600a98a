/** The time as pages show it: it goes on every ten seconds, and when a page is looked at again. */
const every = 10_000

let time = $state.raw(new Date())
const tick = () => {
  time = new Date()
}
setInterval(tick, every)
document.addEventListener('visibilitychange', tick)

export function now(): Date {
  return time
}
