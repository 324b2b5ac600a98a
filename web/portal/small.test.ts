import { use } from './page.ts'

// What devices hold does all that its source does.
use('small.html')
await import('./page.test.ts')
