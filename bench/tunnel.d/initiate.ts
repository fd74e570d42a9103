/** Sends one handshake initiation for each key on stdin to 192.0.2.2:51002, paced, and prints how many were answered. */
import { randomFillSync } from "node:crypto";
import { createSocket } from "node:dgram";
import { text } from "node:stream/consumers";
import { chooseCrypto } from "../../src/dataplane/crypto/openssl-crypto.ts";
import { createDevice } from "../../src/engine/create-device.ts";
import { PLAIN_WIRE } from "../../src/engine/wire/plain.ts";

const PER_SECOND = 300;
const { responder, keys } = JSON.parse(await text(process.stdin)) as { responder: string; keys: readonly string[] };
const bytesOf = (key: string) => new Uint8Array(Buffer.from(key, "base64"));
const fillRandom = (into: Uint8Array) => {
  randomFillSync(into);
};
const { crypto } = chooseCrypto(fillRandom);
const sources = {
  fillRandom,
  unixTime: () => {
    const now = Date.now();
    return { seconds: Math.floor(now / 1000), nanoseconds: (now % 1000) * 1_000_000 };
  },
};
const endpoint = { address: Uint8Array.of(192, 0, 2, 2), port: 51002, scope: 0 };
const publicKey = bytesOf(responder);
const initiations = keys.map((key) => {
  const peer = { publicKey, endpoint, allowedIPs: [] };
  const config = { privateKey: bytesOf(key), wire: PLAIN_WIRE, mtuBytes: 1420, peers: [peer] };
  const outputs = createDevice(config, { crypto, sources }).connect(publicKey, 1000);
  return outputs.flatMap((output) => (output.kind === "datagram" ? [output.bytes] : []))[0] ?? new Uint8Array();
});
const socket = createSocket("udp4");
let answered = 0;
socket.on("message", (message) => {
  if (message.length === 92) answered += 1;
});
for (const initiation of initiations) {
  socket.send(initiation, endpoint.port, "192.0.2.2");
  await new Promise((resolve) => setTimeout(resolve, 1000 / PER_SECOND));
}
for (let waited = 0; waited < 5000 && answered < keys.length; waited += 50) {
  await new Promise((resolve) => setTimeout(resolve, 50));
}
socket.close();
process.stdout.write(String(answered));
