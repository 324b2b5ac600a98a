/** How a moment in the past is written: the clock alone on the same day, with the day otherwise, with the year in another. */
export function momentFormat(at: Date, now: Date): Intl.DateTimeFormatOptions {
  if (at.toDateString() === now.toDateString()) return { timeStyle: 'short' }
  const year = at.getFullYear() === now.getFullYear() ? {} : ({ year: 'numeric' } as const)
  return { day: 'numeric', month: 'short', ...year, hour: 'numeric', minute: '2-digit' }
}
