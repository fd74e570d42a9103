import { randomInt } from "node:crypto";
import { createSocket } from "node:dgram";
import { createConnection } from "node:net";
import { type AskedQuestion, encodeQuery, readReply, type ServerReply } from "../message.ts";
import { framed, messagesIn } from "./framing.ts";

const PORT = 53;
const UDP_TIMEOUT_MS = 1500;
const UDP_TRIES = 2;
const TCP_TIMEOUT_MS = 4000;

/** Queries a server over UDP, and over TCP if the reply was cut; undefined if it does not answer in time. */
export async function askPlain(server: string, question: AskedQuestion): Promise<ServerReply | undefined> {
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
    const { messages, rest } = messagesIn(Buffer.concat([received, chunk]));
    received = rest;
    const [reply] = messages;
    if (reply !== undefined) resolve(readReply(reply, id, question));
  });
  return promise.finally(() => {
    clearTimeout(timer);
    socket.destroy();
  });
}
