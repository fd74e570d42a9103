import { createSocket } from "node:dgram";
import { once } from "node:events";
import { createDevice } from "../../../src/engine/create-device.ts";
import type { Output } from "../../../src/engine/device.ts";
import { PLAIN_WIRE } from "../../../src/engine/wire/plain.ts";
import { CRYPTO } from "../../engine/support/crypto.ts";
import { SeededSources } from "../../engine/support/sources.ts";
import { SEED } from "../../support/seeded.ts";
import { innerPacket } from "../darwin/utun-pair.ts";
import { at, keyOf, peerOf, until } from "./engines.ts";

const ADDRESSES = 64;

/** A peer that sends each packet of its session from another address than the one before. */
export interface WanderingPeer extends Disposable {
  send(packets: number): Promise<void>;
}

/** Shakes hands with the engine of the number at the port, as the peer of a number. */
export async function wanderingPeer(self: number, engine: number, port: number): Promise<WanderingPeer> {
  const sockets = Array.from({ length: ADDRESSES }, () => createSocket("udp4"));
  for (const [index, socket] of sockets.entries()) {
    socket.bind(0, `127.7.0.${index + 1}`);
    await once(socket, "listening");
  }
  const peers = [peerOf(engine, at(port))];
  const config = { privateKey: keyOf(self), wire: PLAIN_WIRE, mtuBytes: 1420, peers };
  const device = createDevice(config, { crypto: CRYPTO, sources: new SeededSources(SEED) });
  let turn = 0;
  const carry = (outputs: readonly Output[]) => {
    for (const output of outputs) {
      if (output.kind !== "datagram") continue;
      turn += 1;
      sockets[turn % ADDRESSES]?.send(output.bytes, port, "127.0.0.1");
    }
  };
  for (const socket of sockets) {
    socket.on("message", (bytes) => carry(device.receive(bytes, at(port), performance.now())));
  }
  carry(device.send(innerPacket(4, 0, 100), performance.now()));
  const [peer] = device.peers();
  await until("a session", () => peer?.currentSession(performance.now()));
  return {
    async send(packets) {
      for (let sent = 0; sent < packets; sent += 1) {
        carry(device.send(innerPacket(4, sent, 100), performance.now()));
        if (sent % ADDRESSES === 0) await new Promise((resume) => setImmediate(resume));
      }
    },
    [Symbol.dispose]: () => {
      for (const socket of sockets) socket.close();
    },
  };
}
