// A peer of a running engine that turns against it: asks by ICMP through the tunnel, then sends all it ever sent again, cut
// and changed, from its own port and from another; then asks again. Prints what it sent and what was answered.
import { createSocket } from "node:dgram";
import { once } from "node:events";
import { setTimeout as sleep } from "node:timers/promises";
import { createDevice } from "../../../src/engine/create-device.ts";
import type { Output } from "../../../src/engine/device.ts";
import { engineOptions } from "../../engine/awg/engine-options.ts";
import { CRYPTO } from "../../engine/support/crypto.ts";
import { deviceConfig, endpoint } from "../../engine/support/link.ts";
import { SeededSources } from "../../engine/support/sources.ts";

interface Task {
  readonly seed: number;
  readonly obfuscation: Readonly<Record<string, string>>;
  readonly enginePort: number;
  readonly ports: readonly [own: number, other: number];
}

const ROUNDS = 10;
const QUESTIONS = 40;
const LIMIT_MS = 30_000;
const task = JSON.parse(process.argv[2] ?? "") as Task;
const random = new SeededSources(task.seed);
const engine = endpoint(1, task.enginePort);
const config = deviceConfig(2, [1], engineOptions(task.obfuscation, task.seed));
const peers = config.peers.map((peer) => ({ ...peer, endpoint: engine }));
const device = createDevice({ ...config, peers }, { crypto: CRYPTO, sources: new SeededSources(task.seed + 1) });
const recorded: Uint8Array[] = [];
const answered = new Set<number>();
const [own, other] = [createSocket("udp4"), createSocket("udp4")];
let asked = 0;

const now = () => performance.now();
own.on("message", (bytes, from) => perform(device.receive(bytes, { ...engine, port: from.port }, now())));
for (const [index, socket] of [own, other].entries()) {
  socket.bind(task.ports[index], "192.0.2.2");
  await once(socket, "listening");
}

function perform(outputs: readonly Output[]): void {
  for (const output of outputs) {
    if (output.kind === "datagram") {
      recorded.push(output.bytes.slice());
      own.send(output.bytes, task.enginePort, "192.0.2.1");
    } else if (output.kind === "inner" && output.bytes[20] === 0) {
      answered.add(new DataView(output.bytes.buffer, output.bytes.byteOffset).getUint16(26));
    }
  }
}

/** RFC 1071, over an even number of bytes. */
function checksum(bytes: Uint8Array): number {
  let sum = 0;
  for (let at = 0; at < bytes.length; at += 2) sum += ((bytes[at] ?? 0) << 8) | (bytes[at + 1] ?? 0);
  while (sum > 0xffff) sum = (sum & 0xffff) + (sum >>> 16);
  return ~sum & 0xffff;
}

/** An ICMP echo request from 10.0.0.2 to 10.0.0.1. */
function question(number: number): Uint8Array {
  const packet = Uint8Array.from([
    0x45, 0, 0, 60, 0, 0, 0, 0, 64, 1, 0, 0, 10, 0, 0, 2, 10, 0, 0, 1, 8, 0, 0, 0, 0, 1, 0, 0,
  ]);
  const whole = new Uint8Array(60);
  whole.set(packet);
  const view = new DataView(whole.buffer);
  view.setUint16(10, checksum(whole.subarray(0, 20)));
  view.setUint16(26, number);
  view.setUint16(22, checksum(whole.subarray(20)));
  return whole;
}

/** Asks these until each is answered; a question that is asked again is another message. */
async function ask(first: number): Promise<void> {
  const numbers = Array.from({ length: QUESTIONS }, (_, index) => first + index);
  for (const end = now() + LIMIT_MS; now() < end && numbers.some((one) => !answered.has(one)); ) {
    for (const number of numbers.filter((one) => !answered.has(one))) {
      asked += 1;
      perform(device.send(question(number), now()));
    }
    perform(device.tick(now()));
    await sleep(100);
  }
}

function changed(original: Uint8Array): Uint8Array {
  const bytes = original.slice();
  if (random.below(2) === 0) return bytes.subarray(0, random.below(bytes.length));
  const at = random.below(bytes.length);
  bytes[at] = (bytes[at] ?? 0) ^ (1 << random.below(8));
  return bytes;
}

async function attack(): Promise<number> {
  const known = [...recorded];
  let sent = 0;
  for (let round = 0; round < ROUNDS; round += 1) {
    for (const original of known) {
      for (const bytes of [original, changed(original)]) {
        (random.below(2) === 0 ? own : other).send(bytes, task.enginePort, "192.0.2.1");
        sent += 1;
      }
    }
    await sleep(10);
  }
  return sent;
}

await ask(1);
const hostile = await attack();
await ask(1000);
process.stdout.write(`${JSON.stringify({ asked, hostile, answered: answered.size })}\n`);
process.exit(0);
