import { execFile } from 'node:child_process'
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { once } from 'node:events'
import { connect, type Server, type Socket } from 'node:net'
import { join } from 'node:path'
import { promisify } from 'node:util'
import type { DeviceGround, Ground, Line, Machine, PhoneGround, SetupNetwork } from './ground.ts'
import { Program } from './process.ts'

const run = promisify(execFile)
const here = import.meta.dirname

/** The address plan. 203.0.113.0/24 and 198.51.100.0/24 (RFC 5737) are the internet and a phone carrier's part of it. */
const plan = {
  cloud: '203.0.113.10',
  resolver: '203.0.113.1',
  probes: '203.0.113.80',
  routerOutside: '203.0.113.2',
  carrier: '198.51.100.1',
  mobile: (i: number) => `198.51.100.${100 + i}`,
  router: '192.168.1.1',
  device: '192.168.4.1',
}

export const cloudName = 'cloud.lab.example'

/** What phones ask for to find out whether a network leads to the internet. */
const probeNames = ['connectivitycheck.gstatic.com', 'captive.apple.com', 'www.msftconnecttest.com', 'detectportal.firefox.com']

/** The machines that every lab has. */
const router = 'router'
const cloud = 'cloud'

/**
 * The first process of the lab's own process namespace. When the test's end of its
 * input closes, however the test ends, the kernel ends all that runs in the lab, and
 * with that the networks are gone.
 */
const first = `
set -e
mount -t tmpfs tmpfs /run
mkdir /run/netns
target=$(readlink -m /etc/resolv.conf)
[ -e "$target" ] || { mkdir -p "$(dirname "$target")"; : >"$target"; }
echo ready
exec cat >/dev/null
`

/** This machine lets nobody, or not this user, make namespaces. */
export class NotPermitted extends Error {}

export class Namespaces implements Ground {
  readonly kind = 'namespaces'
  readonly publicURL = `https://${cloudName}`
  readonly portalURL = `http://${plan.device}`
  readonly apiPort = 8080
  readonly tlsPort = 443
  readonly cloud: Machine
  private readonly machines: Namespace[] = []
  private readonly services: Program[] = []
  private phones = 0
  private pages = 0
  private devices = 0

  /** Makes the networks in a folder that is empty; the error says what this machine doesn't allow. */
  static async start(folder: string): Promise<Namespaces> {
    let ready = false
    const rights = process.getuid?.() === 0 ? [] : ['--user', '--map-root-user']
    const holder = new Program(
      'the lab',
      ['unshare', ...rights, '--mount', '--net', '--pid', '--fork', '--kill-child', '--mount-proc', '--propagation', 'private', 'sh', '-c', first],
      { log: join(folder, 'lab.log'), line: (line) => (ready ||= line === 'ready') },
    )
    try {
      await holder.until(() => ready, 'namespaces')
    } catch (error) {
      throw new NotPermitted(String(error))
    }
    const inner = Number.parseInt(readFileSync(`/proc/${holder.pid}/task/${holder.pid}/children`, 'utf8'), 10)
    const enter = ['nsenter', '--target', String(inner), ...(rights.length ? ['--user', '--preserve-credentials'] : []), '--mount', '--pid', '--net']
    const lab = new Namespaces(folder, holder, enter)
    try {
      await lab.wire()
    } catch (error) {
      await lab.stop()
      throw error
    }
    return lab
  }

  private constructor(
    readonly folder: string,
    private readonly holder: Program,
    private readonly enter: string[],
  ) {
    this.cloud = this.machine(cloud)
  }

  /** Runs a shell script among the namespaces. */
  async script(text: string): Promise<void> {
    const [file, ...args] = [...this.enter, 'sh', '-ec', text]
    await run(file!, args)
  }

  machine<T extends Namespace>(name: string, kind: new (lab: Namespaces, name: string, enter: string[]) => T = Namespace as never): T {
    const made = new kind(this, name, this.enter)
    this.machines.push(made)
    return made
  }

  private async wire(): Promise<void> {
    const home = this.machine(router)
    await this.script(`
      ip netns add ${router}
      ip netns add ${cloud}
      for n in ${router} ${cloud}; do ip -n $n link set lo up; done
      ${bridge(cloud, 'internet')}
      for a in ${plan.cloud} ${plan.resolver} ${plan.probes}; do ip -n ${cloud} address add $a/24 dev internet; done
      ip -n ${cloud} link set internet up
      ${bridge(cloud, 'mobile')}
      ip -n ${cloud} address add ${plan.carrier}/24 dev mobile
      ip -n ${cloud} link set mobile up
      ${bridge(router, 'home')}
      ip -n ${router} address add ${plan.router}/24 dev home
      ip -n ${router} link set home up
      ${plug(router, 'wan', cloud, 'router', 'internet')}
      ip -n ${router} address add ${plan.routerOutside}/24 dev wan
      ip -n ${router} route add default via ${plan.resolver}
      ip netns exec ${router} sh -c 'echo 1 >/proc/sys/net/ipv4/ip_forward'
      ip netns exec ${router} nft -f - <<'RULES'
table ip home {
  chain out {
    type nat hook postrouting priority srcnat;
    oifname "wan" masquerade
  }
}
RULES`)
    await Promise.all([
      this.dnsmasq(this.cloud as Namespace, [
        '--listen-address', plan.resolver, '--bind-interfaces', '--no-resolv', '--local=/#/',
        `--address=/${cloudName}/${plan.cloud}`, ...probeNames.map((name) => `--address=/${name}/${plan.probes}`),
      ]),
      this.dnsmasq(home, [
        '--interface=home', '--bind-interfaces', '--no-resolv', `--server=${plan.resolver}`,
        '--dhcp-range=192.168.1.100,192.168.1.199,1h', `--dhcp-option=option:router,${plan.router}`,
      ]),
    ])
  }

  /** Runs a DNS and DHCP server, and waits until it answers. */
  async dnsmasq(machine: Namespace, flags: string[]): Promise<Program> {
    const log = join(machine.folder, 'dnsmasq.log')
    const service = new Program(
      `dnsmasq of ${machine.name}`,
      machine.command([
        'dnsmasq', '--conf-file=/dev/null', '--no-daemon', '--no-hosts',
        '--dhcp-authoritative', '--no-ping', '--leasefile-ro', '--log-queries=extra', ...flags,
      ]),
      { log },
    )
    this.services.push(service)
    await service.until(() => readFileSync(log, 'utf8').includes('started'), 'start')
    return service
  }

  /** What the home router and the internet's resolver were asked: name and asker. */
  lookups(): Iterable<RegExpMatchArray> {
    const asked = this.machines
      .filter((machine) => machine.name === router || machine.name === cloud)
      .map((machine) => readFileSync(join(machine.folder, 'dnsmasq.log'), 'utf8'))
    return asked.join('\n').matchAll(/ query\[\w+\] (\S+) from (\S+)/g)
  }

  cloudFlags(): string[] {
    return ['--public-url', this.publicURL, '--listen', `${plan.cloud}:80`, '--listen', `127.0.0.1:${this.apiPort}`, '--listen-tls', `${plan.cloud}:443`]
  }

  cloudIsUp(): void {}

  async placeForPage(): Promise<{ host: string; port: number }> {
    return { host: plan.cloud, port: 8443 + this.pages++ }
  }

  async slow({ rtt, down, up }: Line): Promise<void> {
    const home = this.machines.find(({ name }) => name === router)!
    let ready = false
    const line = new Program(
      'the slow line',
      home.command([process.execPath, join(here, 'slow.mjs'), plan.router, '4443', plan.cloud, '443', String(rtt), String(down), String(up)]),
      { log: join(home.folder, 'slow.log'), line: () => (ready = true) },
    )
    await line.until(() => ready, 'start')
    await this.script(`
      ip netns exec ${router} nft -f - <<'RULES'
table ip slow {
  chain in {
    type nat hook prerouting priority dstnat;
    ip daddr ${plan.cloud} tcp dport 443 dnat to ${plan.router}:4443
  }
}
RULES`)
  }

  async addDevice(): Promise<DeviceGround> {
    const name = `device-${++this.devices}`
    const device = this.machine(name, NamespacedDevice)
    await this.script(`
      ip netns add ${name}
      ip -n ${name} link set lo up
      ${bridge(name, 'setup')}
      ip -n ${name} address add ${plan.device}/24 dev setup
      ip -n ${name} link set setup up
      ${plug(name, 'home', router, name, 'home')}`)
    await Promise.all([
      device.lease('home').then(({ router: gateway, dns }) => {
        device.resolve(dns)
        return this.script(`ip -n ${name} route add default via ${gateway}`)
      }),
      this.dnsmasq(device, [
        '--port=0', '--no-resolv', '--interface=setup', '--dhcp-range=192.168.4.2,192.168.4.20,1h',
        `--dhcp-option=option:router,${plan.device}`, `--dhcp-option=option:dns-server,${plan.device}`,
      ]),
    ])
    return device
  }

  async addPhone(): Promise<PhoneGround> {
    const phone = this.machine(`phone-${++this.phones}`, NamespacedPhone)
    phone.number = this.phones
    // Without IPv6, whose slow beginning would look like one more change of network.
    // The rules count whom it talks to, on whatever network.
    await this.script(`
      ip netns add ${phone.name}
      ip netns exec ${phone.name} sh -c 'for c in all default; do echo 1 >/proc/sys/net/ipv6/conf/$c/disable_ipv6; done'
      ip -n ${phone.name} link set lo up
      ip netns exec ${phone.name} nft -f - <<'RULES'
table ip contacts {
  set seen { typeof ip protocol . ip daddr . th dport; flags dynamic; size 65535; }
  chain out {
    type filter hook output priority 0;
    oifname != "lo" meta l4proto { tcp, udp } add @seen { ip protocol . ip daddr . th dport }
  }
}
RULES`)
    await phone.startResolver()
    return phone
  }

  async stop(): Promise<void> {
    for (const machine of this.machines) machine.stop()
    await this.holder.stop('SIGKILL')
  }
}

/**
 * The script that makes a bridge with a hardware address of its own: by itself it
 * takes the least of its ports', and so another whenever a phone comes or goes.
 */
function bridge(machine: string, name: string): string {
  return `ip -n ${machine} link add ${name} address 02:00:00:00:ff:01 type bridge`
}

/**
 * The script that plugs one end of a cable into a machine, as its interface port, the
 * other into a bridge. Options of `ip link add` may follow the port's name.
 */
function plug(machine: string, port: string, at: string, name: string, bridge: string): string {
  return `
      ip -n ${machine} link add ${port} type veth peer name ${name} netns ${at}
      ip -n ${at} link set ${name} master ${bridge} up
      ip -n ${machine} link set ${port.split(' ')[0]} up`
}

class Namespace implements Machine {
  readonly folder: string
  private relay: Promise<string> | null = null
  private readonly open = new Set<Socket>()

  constructor(
    protected readonly lab: Namespaces,
    readonly name: string,
    private readonly enter: string[],
  ) {
    this.folder = join(lab.folder, name)
    mkdirSync(this.folder)
    this.resolve('-')
  }

  command(argv: string[]): string[] {
    return [...this.enter, 'ip', 'netns', 'exec', this.name, join(here, 'enter.sh'), this.folder, ...argv]
  }

  /** Sets its DNS server; - for none. The file stays the same, for the programs that watch it. */
  resolve(dns: string): void {
    writeFileSync(join(this.folder, 'resolv.conf'), dns === '-' ? '' : `nameserver ${dns}\noptions timeout:2 attempts:2\n`)
  }

  /** Asks DHCP for an address of that interface. */
  async lease(port: string): Promise<{ address: string; router: string; dns: string }> {
    const lease = join(this.folder, `${port}.lease`)
    const [file, ...args] = this.command([
      'udhcpc', '--interface', port, '--foreground', '--quit', '--now', '--retries', '5', '--timeout', '1', '--script', join(here, 'dhcp.sh'),
    ])
    await run(file!, args, { env: { ...process.env, LEASE: lease } })
    const [address = '', router = '-', dns = '-'] = readFileSync(lease, 'utf8').trim().split(' ')
    return { address, router, dns }
  }

  async connect(host: string, port: number): Promise<Socket> {
    return this.ask(`connect ${host} ${port}`)
  }

  async serve(host: string, port: number, server: Server): Promise<() => void> {
    const path = join(this.folder, `served-${host}-${port}`)
    server.listen(path)
    await once(server, 'listening')
    const asked = await this.ask(`listen ${host} ${port} ${path}`)
    const [answer] = (await once(asked, 'data')) as [Buffer]
    if (answer.toString() !== 'ok\n') throw new Error(`${this.name} can't serve ${host}:${port}: ${answer.toString().trim()}`)
    return () => {
      asked.destroy()
      server.close()
    }
  }

  /** What a command there prints. */
  async output(argv: string[]): Promise<string> {
    const [file, ...args] = this.command(argv)
    return (await run(file!, args)).stdout
  }

  stop(): void {
    for (const socket of this.open) socket.destroy()
  }

  private async ask(line: string): Promise<Socket> {
    this.relay ??= this.startRelay()
    const socket = connect(await this.relay)
    this.open.add(socket)
    socket.on('close', () => this.open.delete(socket))
    await once(socket, 'connect')
    socket.write(`${line}\n`)
    return socket
  }

  private async startRelay(): Promise<string> {
    const path = join(this.folder, 'relay')
    let ready = false
    const relay = new Program(`relay of ${this.name}`, this.command([process.execPath, join(here, 'relay.mjs'), path]), {
      log: join(this.folder, 'relay.log'),
      line: () => (ready = true),
    })
    await relay.until(() => ready, 'socket')
    return path
  }
}

class NamespacedDevice extends Namespace implements DeviceGround {
  readonly portal = `${plan.device}:80`
  readonly dns = `${plan.device}:53`
  readonly control = { host: '127.0.0.1', port: 8090 }
}

class NamespacedPhone extends Namespace implements PhoneGround {
  number = 0
  private resolver: Program | null = null
  private readonly addresses = new Set<string>()
  private wifi: { address: string; router: string; dns: string; internet: boolean } | null = null
  private mobile = false

  /**
   * The system's own resolver, which follows the phone from one network to the next
   * at once, as phones' do; browsers on Linux take seconds to see a changed resolv.conf.
   */
  async startResolver(): Promise<void> {
    this.resolve('127.0.0.1')
    this.forward('-')
    this.resolver = await this.lab.dnsmasq(this, ['--listen-address=127.0.0.1', '--bind-interfaces', `--resolv-file=${this.upstream}`, '--no-poll', '--cache-size=0'])
  }

  private get upstream(): string {
    return join(this.folder, 'upstream')
  }

  /** Sets whom the resolver asks; - for nobody. */
  private forward(dns: string): void {
    writeFileSync(this.upstream, dns === '-' ? '' : `nameserver ${dns}\n`)
    this.resolver?.signal('SIGHUP')
  }

  async joinHome(): Promise<void> {
    await this.join(router, 'home', true)
  }

  async joinSetup(network: SetupNetwork): Promise<void> {
    await this.join((network.device as NamespacedDevice).name, 'setup', false)
  }

  private async join(at: string, bridge: string, internet: boolean): Promise<void> {
    await this.leave()
    await this.lab.script(plug(this.name, `wifi address ${this.mac}`, at, this.name, bridge))
    try {
      const { address, router, dns } = await this.lease('wifi')
      this.wifi = { address, router, dns, internet }
      this.addresses.add(address)
    } catch (error) {
      await this.leave()
      throw new Error(`the phone got no address: ${String(error)}`)
    }
    await this.route()
  }

  async leave(): Promise<void> {
    const address = this.wifi?.address
    this.wifi = null
    // Phones end the connections of a network that is gone; so does the kernel, if it is asked.
    await this.lab.script(`
      ip -n ${this.name} link delete wifi 2>/dev/null || true
      ${address ? `ip netns exec ${this.name} ss --kill --tcp src ${address} >/dev/null || true` : ''}`)
    await this.route()
  }

  async mobileData(on: boolean): Promise<void> {
    if (on === this.mobile) return
    this.mobile = on
    await this.lab.script(
      on
        ? `${plug(this.name, 'mobile', cloud, this.name, 'mobile')}
           ip -n ${this.name} address add ${plan.mobile(this.number)}/24 dev mobile`
        : `ip -n ${this.name} link delete mobile`,
    )
    this.addresses.add(plan.mobile(this.number))
    await this.route()
  }

  /**
   * Chooses the way out, and DNS, as phones do: the WiFi, unless that has no
   * internet and mobile data has.
   */
  private async route(): Promise<void> {
    const byMobile = this.mobile && !this.wifi?.internet
    const [gateway, dns] = byMobile ? [plan.carrier, plan.resolver] : [this.wifi?.router ?? '-', this.wifi?.dns ?? '-']
    await this.lab.script(
      gateway === '-' ? `ip -n ${this.name} route delete default 2>/dev/null || true` : `ip -n ${this.name} route replace default via ${gateway}`,
    )
    this.forward(dns)
  }

  async contacts(): Promise<string[]> {
    const listed = JSON.parse(await this.output(['nft', '-j', 'list', 'set', 'ip', 'contacts', 'seen'])) as {
      nftables: { set?: { elem?: { concat: [string, string, number] }[] } }[]
    }
    const elements = listed.nftables.flatMap((entry) => entry.set?.elem ?? [])
    return elements.map(({ concat: [protocol, address, port] }) => `${protocol} ${address}:${port}`).sort()
  }

  async lookups(): Promise<string[]> {
    const names = new Set<string>()
    for (const [, name, address] of this.lab.lookups()) {
      if (this.addresses.has(address!)) names.add(name!)
    }
    return [...names].sort()
  }

  private get mac(): string {
    return `02:00:00:00:00:${this.number.toString(16).padStart(2, '0')}`
  }
}
