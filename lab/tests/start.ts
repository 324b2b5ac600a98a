import { test as plain } from 'vitest'
import { inject } from 'vitest'
import { Lab, type LabOptions } from '../lab.ts'

/** A test with startLab, which makes labs that are gone when it ends. */
export const test = plain.extend<{ startLab: (options?: LabOptions) => Promise<Lab> }>({
  startLab: async ({ task }, use) => {
    const labs: Lab[] = []
    await use(async (options = {}) => {
      const lab = await Lab.start(inject('prepared'), options)
      labs.push(lab)
      return lab
    })
    for (const lab of labs) {
      if (task.result?.state === 'fail') console.log(lab.logs())
      await lab.stop()
    }
  },
})

/** Whether the tests run on networks of their own; what needs them is left out elsewhere. */
export const onNetworks = inject('prepared').ground === 'namespaces'
