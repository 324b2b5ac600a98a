import { existsSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'

/** What the names of the labs' folders begin with. */
export const prefix = 'tendril-lab-'

/** The file in a lab's folder that says which process it belongs to. */
const ownerFile = 'owner'

/** Notes that the folder is this process's. */
export function own(folder) {
  writeFileSync(join(folder, ownerFile), `${process.pid} ${began(process.pid)}`)
}

/**
 * Removes the folders of labs whose tests were killed, and says how many there were.
 * Networks and programs need no cleaning: they end with their test.
 */
export function clean(where = tmpdir()) {
  let removed = 0
  for (const name of readdirSync(where)) {
    const folder = join(where, name)
    const owner = join(folder, ownerFile)
    if (!name.startsWith(prefix) || !existsSync(owner)) continue
    const [pid, since] = readFileSync(owner, 'utf8').split(' ')
    if (began(pid) === since) continue
    rmSync(folder, { recursive: true, force: true })
    removed++
  }
  return removed
}

/** When the process began, in the kernel's ticks, which tells it from a later one of that number; empty if it is no more. */
function began(pid) {
  try {
    // After the name, which may hold anything: the state is the first field, the start the twentieth.
    const fields = readFileSync(`/proc/${pid}/stat`, 'utf8').split(') ').at(-1).split(' ')
    return fields[0] === 'Z' ? '' : fields[19]
  } catch {
    return ''
  }
}
