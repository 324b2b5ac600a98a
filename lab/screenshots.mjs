// npm run screenshots: every step of the wizard and every page of the app, on a
// phone and on a desktop, light and dark, from a real demo, into docs/screens.
import { spawn } from 'node:child_process'
import { mkdirSync, rmSync, writeFileSync } from 'node:fs'
import { createInterface } from 'node:readline'
import { fileURLToPath } from 'node:url'
import { chromium } from 'playwright-core'

const root = fileURLToPath(new URL('..', import.meta.url))
const folder = `${root}docs/screens/`
const sizes = { phone: { width: 390, height: 844 }, desktop: { width: 1280, height: 800 } }
/** The steps that are kept in Arabic, too. */
const rightToLeft = ['join', 'choose', 'failed']
const flags = ['--no-sandbox', '--disable-gpu', '--disable-quic', '--no-first-run', '--disable-background-networking', '--disable-component-update', '--disable-sync']

const demo = spawn('go', ['run', './cmd/tendril', 'demo', '--json'], { cwd: root, stdio: ['ignore', 'pipe', 'inherit'], detached: true })
const standing = await new Promise((resolve, reject) => {
  createInterface({ input: demo.stdout }).on('line', (line) => {
    const said = JSON.parse(line)
    if (said.event === 'standing') resolve(said)
  })
  demo.once('exit', (code) => reject(new Error(`the demo ended with ${code}`)))
})
const browser = await chromium.launch({ executablePath: '/usr/bin/chromium', args: flags })
// Two of the picture's pixels are one of the file's: small, and still to be read.
const painter = await (await browser.newContext()).newPage()

async function keep(page, name) {
  const png = await page.screenshot({ animations: 'disabled' })
  const webp = await painter.evaluate(async (source) => {
    const image = new Image()
    image.src = source
    await image.decode()
    const canvas = document.createElement('canvas')
    const scale = Math.min(1, 640 / image.width)
    canvas.width = image.width * scale
    canvas.height = image.height * scale
    const context = canvas.getContext('2d')
    context.imageSmoothingQuality = 'high'
    context.drawImage(image, 0, 0, canvas.width, canvas.height)
    return canvas.toDataURL('image/webp', 0.72)
  }, `data:image/png;base64,${png.toString('base64')}`)
  writeFileSync(`${folder}${name}.webp`, Buffer.from(webp.split(',')[1], 'base64'))
}

async function story(size, scheme) {
  const context = await browser.newContext({ viewport: sizes[size], colorScheme: scheme, locale: 'en-GB', timezoneId: 'Europe/Berlin' })
  const page = await context.newPage()
  const button = (name) => page.getByRole('button', { name })
  const shows = (name) => page.getByRole('heading', { level: 1, name }).waitFor()
  let step = 0
  const shot = async (name) => {
    await page.waitForTimeout(400)
    await keep(page, `${size}-${scheme}-${String(++step).padStart(2, '0')}-${name}`)
    if (size !== 'phone' || scheme !== 'light' || !rightToLeft.includes(name)) return
    await page.locator('select').first().selectOption('ar')
    await page.waitForTimeout(400)
    await keep(page, `arabic-${String(step).padStart(2, '0')}-${name}`)
    await page.locator('select').first().selectOption('en')
  }
  await page.goto(standing.wizard)
  await shows(/Welcome/)
  await shot('welcome')
  await button('Set it up').click()
  await shows('Your account')
  await shot('account')
  await page.getByLabel('E-mail address').fill(`${size}-${scheme}@example.org`)
  await page.getByLabel('Password', { exact: true }).fill('correct horse battery')
  await page.locator('main form button.full').click()
  await shows(/Join the WiFi/)
  await shot('join')
  await page.getByText('Other ways').click()
  await button('Set it up on its own page').click()
  await shows('Set it up on its own page')
  await shot('by-hand')
  await button('Back').click()
  await button(/I’m connected/).click()
  await shows(/Choose your home/)
  await shot('choose')
  await page.getByText('Home', { exact: true }).click()
  await page.getByLabel('Password of this WiFi').fill('a wrong password')
  await shot('password')
  await button(/Connect my/).click()
  await shows(/is connecting/)
  await shot('connecting')
  await shows('Not yet')
  await shot('failed')
  await button('Try again').click()
  await page.getByLabel('Password of this WiFi').fill('secret-pass')
  await button(/Connect my/).click()
  await shows(/is online/)
  await shot('online')
  await page.getByRole('link', { name: /Use my/ }).click()
  await page.getByRole('heading', { level: 1 }).waitFor()
  await page.waitForTimeout(6000)
  await shot('device')
  await page.getByRole('link', { name: 'Event log' }).click()
  await page.getByRole('heading', { level: 1 }).waitFor()
  await shot('log')
  await page.goto(standing.url)
  await page.getByRole('heading', { name: 'Your devices' }).waitFor()
  await shot('devices')
  await page.goto(`${standing.url}/account`)
  await page.getByRole('heading', { name: 'Your account' }).waitFor()
  await shot('your-account')
  await context.close()
}

try {
  rmSync(folder, { recursive: true, force: true })
  mkdirSync(folder, { recursive: true })
  for (const size of Object.keys(sizes)) {
    for (const scheme of ['light', 'dark']) await story(size, scheme)
  }
} finally {
  await browser.close()
  process.kill(-demo.pid, 'SIGINT')
}
