/**
 * Shakes hands with 192.0.2.2:51002 from 192.0.2.1 as a peer does, with cookies and retries, and prints after how many
 * milliseconds there was a session. newcomer.ts PRIVATE-KEY RESPONDER-KEY
 */
import { randomFillSync } from "node:crypto";
import { createSocket } from "node:dgram";
import { chooseCrypto } from "../../src/dataplane/crypto/openssl-crypto.ts";
import { createDevice } from "../../src/engine/create-device.ts";
import type { Output } from "../../src/engine/device.ts";
import { PLAIN_WIRE } from "../../src/engine/wire/plain.ts";

const GIVE_UP_MS = 30_000;
const [privateKey = "", responder = ""] = process.argv.slice(2);
const bytesOf = (key: string) => new Uint8Array(Buffer.from(key, "base64"));
const fillRandom = (into: Uint8Array) => {
  randomFillSync(into);
};
const unixTime = () => {
  const now = Date.now();
  return { seconds: Math.floor(now / 1000), nanoseconds: (now % 1000) * 1_000_000 };
};
const endpoint = { address: Uint8Array.of(192, 0, 2, 2), port: 51002, scope: 0 };
const publicKey = bytesOf(responder);
const device = createDevice(
  {
    privateKey: bytesOf(privateKey),
    wire: PLAIN_WIRE,
    mtuBytes: 1420,
    peers: [{ publicKey, endpoint, allowedIPs: [] }],
  },
  { crypto: chooseCrypto(fillRandom).crypto, sources: { fillRandom, unixTime } },
);
const socket = createSocket("udp4");
const begun = performance.now();
const now = () => performance.now();
const perform = (outputs: readonly Output[]) => {
  for (const output of outputs) {
    if (output.kind === "datagram") socket.send(output.bytes, endpoint.port, "192.0.2.2");
    if (output.kind === "event" && output.event === "handshake") end();
  }
};
socket.on("message", (datagram) => perform(device.receive(datagram, endpoint, now())));
const timer = setInterval(() => {
  perform(device.tick(now()));
  if (now() - begun > GIVE_UP_MS) end();
}, 20);
perform(device.connect(publicKey, now()));

function end(): void {
  process.stdout.write(String(Math.round(now() - begun)));
  clearInterval(timer);
  socket.close();
}
