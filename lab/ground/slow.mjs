// A slow line between a port here and another: slow.mjs HOST PORT TO-HOST TO-PORT
// RTT DOWN UP, in milliseconds and kbit/s. All connections share the line.
import { connect, createServer } from 'node:net'

const [host, port, toHost, toPort, ...line] = process.argv.slice(2)
const [rtt, down, up] = line.map(Number)

/** What a packet holds, in bytes. */
const packet = 1460

/** One direction: what is sent waits until the line is free, and then travels. */
function direction(kilobits) {
  let free = 0
  return (bytes, deliver) => {
    for (let at = 0; at < bytes.length; at += packet) {
      const piece = bytes.subarray(at, at + packet)
      const now = performance.now()
      free = Math.max(free, now) + (piece.length * 8) / kilobits
      setTimeout(() => deliver(piece), free + rtt / 2 - now)
    }
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
