/**
 * Shakes hands with 192.0.2.2:51002 as many peers that come back within a second, each with cookies and retries, and
 * prints after how many milliseconds all had a session. Reads the responder's public key and the private keys from stdin.
 */
import { randomFillSync } from "node:crypto";
import { createSocket } from "node:dgram";
import { text } from "node:stream/consumers";
import { chooseCrypto } from "../../src/dataplane/crypto/openssl-crypto.ts";
import { createDevice } from "../../src/engine/create-device.ts";
import type { Device, Output } from "../../src/engine/device.ts";
import { PLAIN_WIRE } from "../../src/engine/wire/plain.ts";

const WITHIN_MS = 1000;
const GIVE_UP_MS = 40_000;
const { responder, keys } = JSON.parse(await text(process.stdin)) as { responder: string; keys: readonly string[] };
const bytesOf = (key: string) => new Uint8Array(Buffer.from(key, "base64"));
const fillRandom = (into: Uint8Array) => {
  randomFillSync(into);
};
const unixTime = () => {
  const now = Date.now();
  return { seconds: Math.floor(now / 1000), nanoseconds: (now % 1000) * 1_000_000 };
};
const { crypto } = chooseCrypto(fillRandom);
const endpoint = { address: Uint8Array.of(192, 0, 2, 2), port: 51002, scope: 0 };
const publicKey = bytesOf(responder);
const waiting = new Set<Device>();
const socketOf = new Map<Device, ReturnType<typeof createSocket>>();
let begun = performance.now();
const now = () => performance.now();
const perform = (device: Device, outputs: readonly Output[]) => {
  for (const output of outputs) {
    if (output.kind === "datagram") socketOf.get(device)?.send(output.bytes, endpoint.port, "192.0.2.2");
    if (output.kind === "event" && output.event === "handshake") waiting.delete(device);
  }
};
/** The first initiations are made beforehand: what is measured is the responder. */
const first = keys.map((key): readonly [Device, readonly Output[]] => {
  const config = { privateKey: bytesOf(key), wire: PLAIN_WIRE, mtuBytes: 1420 };
  const device = createDevice(
    { ...config, peers: [{ publicKey, endpoint, allowedIPs: [] }] },
    { crypto, sources: { fillRandom, unixTime } },
  );
  const socket = createSocket("udp4");
  socket.on("message", (datagram) => perform(device, device.receive(datagram, endpoint, now())));
  socketOf.set(device, socket);
  waiting.add(device);
  return [device, device.connect(publicKey, now())];
});
begun = performance.now();
let sent = 0;
const timer = setInterval(() => {
  const due = Math.min(first.length, ((now() - begun) / WITHIN_MS) * first.length);
  for (; sent < due; sent += 1) perform(...(first[sent] as readonly [Device, readonly Output[]]));
  for (const device of waiting) if (device.nextDeadline() <= now()) perform(device, device.tick(now()));
  if (waiting.size > 0 && now() - begun < GIVE_UP_MS) return;
  clearInterval(timer);
  process.stdout.write(String(Math.round(now() - begun)));
  for (const socket of socketOf.values()) socket.close();
}, 5);
