import { randomInt } from "node:crypto";
import { createSocket } from "node:dgram";
import { createConnection } from "node:net";
import { type AskedQuestion, encodeQuery, readReply, type ServerReply } from "./message.ts";

const PORT = 53;
const UDP_TIMEOUT_MS = 1500;
const UDP_TRIES = 2;
const TCP_TIMEOUT_MS = 4000;
const LENGTH_BYTES = 2;

/** Queries a server over UDP, and over TCP if the reply was cut; undefined if it does not answer in time. */
export async function askServer(server: string, question: AskedQuestion): Promise<ServerReply | undefined> {
  for (let tries = 0; tries < UDP_TRIES; tries += 1) {
    const reply = await askOverUdp(server, question);
    if (reply?.truncated === true) return askOverTcp(server, question);
    if (reply !== undefined) return reply;
  }
  return undefined;
}

/** Each query has a socket and an identifier of its own, so that a forged reply must guess both (RFC 5452). */
function askOverUdp(server: string, question: AskedQuestion): Promise<ServerReply | undefined> {
  const id = randomInt(0x1_0000);
  const socket = createSocket(server.includes(":") ? "udp6" : "udp4");
  const { promise, resolve } = Promise.withResolvers<ServerReply | undefined>();
  const timer = setTimeout(() => resolve(undefined), UDP_TIMEOUT_MS);
  socket.on("error", () => resolve(undefined));
  socket.on("message", (bytes) => {
    const reply = readReply(bytes, id, question);
    if (reply !== undefined) resolve(reply);
  });
  // A connected socket accepts datagrams of the server alone.
  socket.connect(PORT, server, () => socket.send(encodeQuery(id, question)));
  return promise.finally(() => {
    clearTimeout(timer);
    socket.close();
  });
}

function askOverTcp(server: string, question: AskedQuestion): Promise<ServerReply | undefined> {
  const id = randomInt(0x1_0000);
  const { promise, resolve } = Promise.withResolvers<ServerReply | undefined>();
  const timer = setTimeout(() => resolve(undefined), TCP_TIMEOUT_MS);
  const socket = createConnection({ host: server, port: PORT });
  let received: Buffer = Buffer.alloc(0);
  socket.on("error", () => resolve(undefined));
  socket.on("close", () => resolve(undefined));
  socket.on("connect", () => socket.write(framed(encodeQuery(id, question))));
  socket.on("data", (chunk) => {
    received = Buffer.concat([received, chunk]);
    const length = received.length < LENGTH_BYTES ? Number.POSITIVE_INFINITY : received.readUInt16BE(0);
    if (received.length - LENGTH_BYTES >= length)
      resolve(readReply(received.subarray(LENGTH_BYTES, LENGTH_BYTES + length), id, question));
  });
  return promise.finally(() => {
    clearTimeout(timer);
    socket.destroy();
  });
}

/** A message with its length before it (RFC 1035 section 4.2.2). */
export function framed(message: Uint8Array): Buffer {
  const bytes = Buffer.alloc(LENGTH_BYTES + message.length);
  bytes.writeUInt16BE(message.length, 0);
  bytes.set(message, LENGTH_BYTES);
  return bytes;
}
