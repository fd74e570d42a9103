import { createSocket } from "node:dgram";
import { once } from "node:events";
import { createServer, type Socket } from "node:net";
import type { NameRule } from "../model/dns/name-service.ts";
import type { Resolver } from "./resolver.ts";
import { framed, messagesIn } from "./upstream/framing.ts";

const PORT = 53;
const IDLE_MS = 10_000;
const MOST_CONNECTIONS = 100;
const MOST_BYTES = 65_535 + 2;

/** Sockets that listen and answer nothing yet. */
export interface Listeners {
  readonly serve: (resolver: Resolver, rules?: readonly NameRule[]) => void;
}

/** Listens on UDP and TCP port 53 of a loopback address, which takes the right to bind low ports. */
export async function listenOn(address: string): Promise<Listeners> {
  const udp = createSocket("udp4");
  const tcp = createServer();
  tcp.maxConnections = MOST_CONNECTIONS;
  udp.bind(PORT, address);
  tcp.listen(PORT, address);
  await Promise.all([once(udp, "listening"), once(tcp, "listening")]);
  return {
    serve: (resolver, rules) => {
      const own = rules === undefined ? {} : { rules };
      udp.on("error", () => {});
      udp.on("message", (bytes, { address: program, port }) => {
        void resolver.answer(bytes, { overTcp: false, ...own }).then((reply) => {
          if (reply !== undefined) udp.send(reply, port, program, () => {});
        });
      });
      tcp.on("connection", (socket) =>
        serveConnection(socket, (query) => resolver.answer(query, { overTcp: true, ...own })),
      );
    },
  };
}

function serveConnection(socket: Socket, answer: (query: Buffer) => ReturnType<Resolver["answer"]>): void {
  let received: Buffer = Buffer.alloc(0);
  socket.setTimeout(IDLE_MS, () => socket.destroy());
  socket.on("error", () => socket.destroy());
  socket.on("data", (chunk) => {
    const { messages, rest } = messagesIn(Buffer.concat([received, chunk]));
    received = rest;
    for (const query of messages) {
      void answer(query).then((reply) => {
        if (reply !== undefined && socket.writable) socket.write(framed(reply));
      });
    }
    if (received.length > MOST_BYTES) socket.destroy();
  });
}
