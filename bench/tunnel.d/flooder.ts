/**
 * Sends handshake initiations of nobody, with a right first mac, to 192.0.2.2:51002 and prints how many.
 * flooder.ts RESPONDER-KEY PER-SECOND SECONDS SOURCES
 */
import { randomBytes } from "node:crypto";
import { setTimeout as sleep } from "node:timers/promises";
import { SendMessages } from "../../src/dataplane/loop/send-messages.ts";
import { mac1Key, writeMacs } from "../../src/engine/cookie/macs.ts";
import { NOBLE_CRYPTO } from "../../src/engine/crypto/noble.ts";
import { packetCalls } from "../../src/native/linux/packet-io/packet-calls.ffi.ts";
import { openUdpSocket } from "../../src/native/linux/packet-io/udp-socket.ffi.ts";
import { createArena } from "../../src/native/memory/arena.ffi.ts";

const [key = "", perSecond = "0", seconds = "0", sources = "1"] = process.argv.slice(2);
const MESSAGES = 256;
const BYTES = 148;
const BURST = 64;
const macKey = mac1Key(NOBLE_CRYPTO, new Uint8Array(Buffer.from(key, "base64")));
const arena = createArena(1024 * 1024);
const calls = packetCalls(arena);
const messages = new SendMessages(arena, MESSAGES);
const to = { address: Uint8Array.of(192, 0, 2, 2), port: 51002, scope: 0 };
for (let index = 0; index < MESSAGES; index += 1) {
  const message = new Uint8Array(randomBytes(BYTES));
  message.set([1, 0, 0, 0]);
  writeMacs(NOBLE_CRYPTO, message, macKey, undefined);
  const at = arena.reserve(BYTES);
  arena.bytes.set(message, at);
  messages.begin(index, to, at, BYTES, Uint8Array.of(192, 0, 2, 10 + (index % Number(sources))));
}
using socket = openUdpSocket({ family: 4, port: 0, offload: false });
const begun = performance.now();
let sent = 0;
while (performance.now() - begun < Number(seconds) * 1000) {
  const due = ((performance.now() - begun) / 1000) * Number(perSecond);
  for (; sent < due; sent += BURST) calls.sendmmsg(socket.fd, messages.addressOf(sent % MESSAGES), BURST);
  await sleep(1);
}
process.stdout.write(String(sent));
