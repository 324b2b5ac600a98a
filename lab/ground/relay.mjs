// Leads connections across the border of a network namespace, which a Unix socket
// ignores. Listens on the socket that its argument names; the first line of each
// connection says what is wanted:
//
//	connect HOST PORT          becomes a connection to there
//	listen HOST PORT SOCKET    answers "ok" or why not, and then leads whoever connects
//	                           to there to the Unix socket SOCKET, while this connection lasts
import { connect, createServer } from 'node:net'

function join(a, b) {
  a.pipe(b)
  b.pipe(a)
  a.on('error', () => b.destroy())
  b.on('error', () => a.destroy())
  a.on('close', () => b.destroy())
  b.on('close', () => a.destroy())
}

createServer((client) => {
  client.on('error', () => client.destroy())
  let head = Buffer.alloc(0)
  client.on('data', function first(chunk) {
    head = Buffer.concat([head, chunk])
    const end = head.indexOf(10)
    if (end < 0) return
    client.off('data', first)
    client.pause()
    const rest = head.subarray(end + 1)
    if (rest.length) client.unshift(rest)
    const [verb, host, port, socket] = head.subarray(0, end).toString().split(' ')
    if (verb === 'connect') return join(client, connect({ host, port: Number(port) }))
    const server = createServer((visitor) => join(visitor, connect(socket)))
    server.on('error', (error) => client.end(`${error.message}\n`))
    server.listen(Number(port), host, () => client.write('ok\n'))
    client.resume()
    client.on('close', () => server.close())
  })
}).listen(process.argv[2], () => console.log('ready'))
