/** Sends handshake initiations that lead to nothing to 192.0.2.2:51002. flooder.ts RESPONDER-KEY PER-SECOND SECONDS */
import { randomBytes } from "node:crypto";
import { createSocket } from "node:dgram";
import { setTimeout as sleep } from "node:timers/promises";
import { mac1Key, writeMacs } from "../../src/engine/cookie/macs.ts";
import { NOBLE_CRYPTO } from "../../src/engine/crypto/noble.ts";

const [key = "", perSecond = "0", seconds = "0"] = process.argv.slice(2);
const macKey = mac1Key(NOBLE_CRYPTO, new Uint8Array(Buffer.from(key, "base64")));
/** Every other one by somebody who knows the responder's public key, so that its first mac is right. */
const initiations = Array.from({ length: 256 }, (_, index) => {
  const message = new Uint8Array(randomBytes(148));
  message.set([1, 0, 0, 0]);
  if (index % 2 === 0) writeMacs(NOBLE_CRYPTO, message, macKey, undefined);
  return message;
});
const socket = createSocket("udp4");
socket.on("message", () => {});
const begun = performance.now();
let sent = 0;
while (performance.now() - begun < Number(seconds) * 1000) {
  const due = ((performance.now() - begun) / 1000) * Number(perSecond);
  for (; sent < due; sent += 1) socket.send(initiations[sent % initiations.length] as Uint8Array, 51002, "192.0.2.2");
  await sleep(1);
}
process.stdout.write(String(sent));
socket.close();
