import { clean } from './leftovers.mjs'

console.log(`Folders of labs that ended badly, removed: ${clean()}.`)
