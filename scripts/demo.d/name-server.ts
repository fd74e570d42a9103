/** A name server in thirty lines: answers every question for an IPv4 address with one. name-server.ts LISTEN ANSWER */
import { createSocket } from "node:dgram";

const [listen = "", answer = ""] = process.argv.slice(2);
const headerBytes = 12;
const typeA = 1;

/** The end of the question that starts after the header (RFC 1035 section 4.1.2), or the whole message if it is cut. */
function questionEnd(message: Buffer): number {
  let at = headerBytes;
  while (at < message.length && message[at] !== 0) at += (message[at] ?? 0) + 1;
  return Math.min(message.length, at + 5);
}

const socket = createSocket("udp4");
socket.on("message", (query, peer) => {
  if (query.length < headerBytes) return;
  const end = questionEnd(query);
  const asksForAddress = query.readUInt16BE(end - 4) === typeA;
  const head = Buffer.from([query[0] ?? 0, query[1] ?? 0, 0x81, 0x80, 0, 1, 0, asksForAddress ? 1 : 0, 0, 0, 0, 0]);
  const record = Buffer.from([0xc0, 0x0c, 0, 1, 0, 1, 0, 0, 0, 60, 0, 4, ...answer.split(".").map(Number)]);
  const reply = [head, query.subarray(headerBytes, end), ...(asksForAddress ? [record] : [])];
  socket.send(Buffer.concat(reply), peer.port, peer.address);
});
socket.bind(53, listen);
