/**
 * One end of the soak's traffic: sends numbered datagrams to the other end at a fixed rate and counts those that come from
 * it, in a socket with room for seconds of them (SO_RCVBUFFORCE), so that what is missing was lost on the way. Its
 * argument is a `TalkOptions`. Prints "ready"; sends after the first line on stdin and prints "sent"; after the second one,
 * and once nothing comes any more, prints what it was (`Talked`). It is run before others, so that a busy machine slows it
 * less. Needs root.
 */
import { setPriority } from "node:os";
import { createInterface } from "node:readline";
import { setImmediate as breathe } from "node:timers/promises";
import { MESSAGE_BYTES, VECTOR_BYTES, writePointer } from "../../src/dataplane/loop/worker-resources.ts";
import { addressToBytes } from "../../src/native/linux/address.codec.ts";
import { packetCalls } from "../../src/native/linux/packet-io/packet-calls.ffi.ts";
import { SOCKET_ADDRESS_BYTES, writeSocketAddress } from "../../src/native/linux/packet-io/socket-address.codec.ts";
import { openUdpSocket } from "../../src/native/linux/packet-io/udp-socket.ffi.ts";
import { createArena } from "../../src/native/memory/arena.ffi.ts";
import { Counter, type Tally } from "./tally.ts";

export interface TalkOptions {
  /** The other end's IPv4 address; both use the same port. */
  readonly to: string;
  readonly port: number;
  readonly datagramBytes: number;
  readonly perSecond: number;
  readonly datagrams: number;
  /** How many the other end sends. */
  readonly expected: number;
}

/** What one end did. */
export interface Talked extends Tally {
  readonly sent: number;
  readonly seconds: number;
  /** Those whose end does not fit their beginning, or of another size. */
  readonly damaged: number;
}

/** Seconds of traffic: the kernel counts about 2,300 bytes for a datagram of 1,300, and doubles what is asked for. */
const BUFFER_BYTES = 64 * 1024 * 1024;
/** Who was not run for a while does not catch up with more at once: no device's queue would take it. */
const MOST_AT_ONCE = 64;
/** After so long a silence nothing is on its way. */
const SILENCE_MS = 3000;
/** The number, and at the end the same number turned over. */
const LEAST_BYTES = 8;

const options = JSON.parse(process.argv[2] ?? "") as TalkOptions;
const size = Math.max(LEAST_BYTES, options.datagramBytes);
setPriority(-10);
const arena = createArena(4 * 1024 * 1024);
const { view } = arena;
const calls = packetCalls(arena);
using socket = openUdpSocket({ family: 4, port: options.port, bufferBytes: BUFFER_BYTES, offload: false });
const counter = new Counter(options.expected);
const [outgoing, incoming] = [reserveMessages(), reserveMessages()];
let [damaged, heardMs] = [0, 0];

aim();
const lines = createInterface({ input: process.stdin })[Symbol.asyncIterator]();
console.log("ready");
await lines.next();
const begunMs = performance.now();
const sent = send();
const seconds = (performance.now() - begunMs) / 1000;
console.log("sent");
let over = false;
lines.next().then(() => {
  over = true;
});
for (heardMs = performance.now(); !over || performance.now() - heardMs < SILENCE_MS; await breathe()) pause();
console.log(JSON.stringify({ sent, seconds, damaged, ...counter.tally } satisfies Talked));
process.exit(0);

/** Sends them all, each when it is due; time in which this process was not run is not caught up with. Gives how many. */
function send(): number {
  const everyMs = 1000 / options.perSecond;
  let number = 0;
  for (let dueMs = begunMs; number < options.datagrams; pause()) {
    const now = performance.now();
    dueMs = Math.max(dueMs, now - MOST_AT_ONCE * everyMs);
    const due = Math.min(Math.floor((now - dueMs) / everyMs), options.datagrams - number);
    const gone = due <= 0 ? 0 : sendFrom(number, due);
    number += gone;
    dueMs += gone * everyMs;
  }
  return number;
}

/** Sends `count` datagrams at most, from that number on; gives how many the socket took. */
function sendFrom(number: number, count: number): number {
  for (let index = 0; index < count; index += 1) {
    const at = outgoing.buffers + index * size;
    view.setUint32(at, number + index, true);
    view.setUint32(at + size - 4, ~(number + index), true);
  }
  const gone = calls.sendmmsg(socket.fd, arena.base + outgoing.headers, count);
  if (gone < 0 && calls.errno() !== "EAGAIN") throw new Error(`sending gave ${calls.errno()}`);
  return Math.max(0, gone);
}

/** Waits a millisecond and takes what came. */
function pause(): void {
  calls.poll(0, 0, 1);
  for (let got = MOST_AT_ONCE; got === MOST_AT_ONCE; ) {
    got = calls.recvmmsg(socket.fd, arena.base + incoming.headers, MOST_AT_ONCE);
    if (got < 0 && calls.errno() !== "EAGAIN") throw new Error(`receiving gave ${calls.errno()}`);
    if (got > 0) heardMs = performance.now();
    for (let index = 0; index < got; index += 1) take(index);
  }
}

function take(index: number): void {
  const at = incoming.buffers + index * size;
  const number = view.getUint32(at, true);
  const whole = view.getUint32(incoming.headers + index * MESSAGE_BYTES + 56, true) === size;
  if (whole && view.getUint32(at + size - 4, true) === ~number >>> 0 && number < options.expected)
    counter.add(number, heardMs);
  else damaged += 1;
}

/** Message headers of sendmmsg and recvmmsg (struct mmsghdr), each with one buffer. */
function reserveMessages(): { readonly headers: number; readonly buffers: number } {
  const headers = arena.reserve(MOST_AT_ONCE * MESSAGE_BYTES);
  const vectors = arena.reserve(MOST_AT_ONCE * VECTOR_BYTES);
  const buffers = arena.reserve(MOST_AT_ONCE * size);
  for (let index = 0; index < MOST_AT_ONCE; index += 1) {
    const [header, vector] = [headers + index * MESSAGE_BYTES, vectors + index * VECTOR_BYTES];
    writePointer(arena, header + 16, vector);
    view.setUint32(header + 24, 1, true);
    writePointer(arena, vector, buffers + index * size);
    view.setUint32(vector + 8, size, true);
  }
  return { headers, buffers };
}

/** Addresses what goes out. */
function aim(): void {
  const name = arena.reserve(SOCKET_ADDRESS_BYTES);
  const bytes = writeSocketAddress(view, name, { address: addressToBytes(options.to), port: options.port, scope: 0 });
  for (let index = 0; index < MOST_AT_ONCE; index += 1) {
    const header = outgoing.headers + index * MESSAGE_BYTES;
    writePointer(arena, header, name);
    view.setUint32(header + 8, bytes, true);
  }
}
