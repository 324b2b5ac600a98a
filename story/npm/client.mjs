// Runs the published blynk-library as a device and speaks JSON lines with the
// test that started it: {"event":…} on standard output, {"do":…} on standard input.
// The token comes by the environment, so that no process list shows it.
import { createInterface } from "node:readline";
import Blynk from "blynk-library";

// The library reports on the console; standard output is the test's.
console.log = console.error;
const tell = (event, fields = {}) => process.stdout.write(JSON.stringify({ event, ...fields }) + "\n");

const { TENDRIL_TOKEN: token, TENDRIL_HOST: addr, TENDRIL_PORT: port, TENDRIL_CA: ca } = process.env;
const connector = ca
  ? new Blynk.SslClient({ addr, port: Number(port), ca: Buffer.from(ca) })
  : new Blynk.TcpClient({ addr, port: Number(port) });
const device = new Blynk.Blynk(token, { connector });
const pins = new Map();

function watch(number) {
  const pin = new device.VirtualPin(number);
  pin.on("write", (values) => tell("write", { pin: number, values }));
  pins.set(number, pin);
}
[1, 2].forEach(watch);

device.on("connect", () => tell("connect"));
device.on("disconnect", () => tell("disconnect"));
device.on("error", (error) => tell("error", { error: String(error) }));

createInterface({ input: process.stdin }).on("line", (line) => {
  const command = JSON.parse(line);
  switch (command.do) {
    case "write":
      device.virtualWrite(command.pin, command.values);
      break;
    case "sync":
      command.pin === undefined ? device.syncAll() : device.syncVirtual(command.pin);
      break;
    case "property":
      device.setProperty(command.pin, command.name, command.value);
      break;
    case "event":
      device.eventLog(command.code, command.description);
      break;
  }
}).on("close", () => process.exit(0));
