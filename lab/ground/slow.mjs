// A slow line between a port here and another: slow.mjs HOST PORT TO-HOST TO-PORT
// RTT DOWN UP, in milliseconds and kbit/s. All connections share the line.
import { connect, createServer } from 'node:net'

const [host, port, toHost, toPort, ...line] = process.argv.slice(2)
const [rtt, down, up] = line.map(Number)

/** What a packet holds, in bytes. */
const packet = 1460

/**
 * One direction: what is sent waits until the line is free, and then travels. What
 * was sent first arrives first; timers of their own would not keep that order.
 */
function direction(kilobits) {
  const under = []
  let free = 0
  let timer = null
  const arrive = () => {
    timer = null
    while (under.length && under[0].at <= performance.now()) {
      const { piece, deliver } = under.shift()
      deliver(piece)
    }
    if (under.length) timer = setTimeout(arrive, Math.max(1, under[0].at - performance.now()))
  }
  return (bytes, deliver) => {
    for (let from = 0; from < bytes.length; from += packet) {
      const piece = bytes.subarray(from, from + packet)
      free = Math.max(free, performance.now()) + (piece.length * 8) / kilobits
      under.push({ at: free + rtt / 2, piece, deliver })
    }
    timer ??= setTimeout(arrive, Math.max(1, under[0].at - performance.now()))
  }
}

const download = direction(down)
const upload = direction(up)

createServer({ allowHalfOpen: true }, (client) => {
  const server = connect({ host: toHost, port: Number(toPort), allowHalfOpen: true })
  const end = () => {
    client.destroy()
    server.destroy()
  }
  client.on('error', end)
  server.on('error', end)
  // TCP's own handshake, which was instant, takes a round trip.
  client.pause()
  setTimeout(() => client.resume(), rtt)
  client.on('data', (bytes) => upload(bytes, (piece) => server.write(piece)))
  server.on('data', (bytes) => download(bytes, (piece) => client.write(piece)))
  client.on('end', () => upload(Buffer.alloc(1), () => server.end()))
  server.on('end', () => download(Buffer.alloc(1), () => client.end()))
}).listen(Number(port), host, () => console.log('ready'))
