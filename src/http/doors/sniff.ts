import type { Socket } from "node:net";

/** What an HTTP/2 client sends first (RFC 9113 section 3.4). */
const PREFACE = Buffer.from("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n");
/** A client sends enough to recognize its protocol within this time. */
const DECIDE_MS = 2_000;

/**
 * Which protocol a paused connection begins with; undefined if it ends, or stays silent for two seconds. The bytes are put
 * back, and the connection is paused again.
 */
export function readProtocol(socket: Socket): Promise<"http1" | "http2" | undefined> {
  return new Promise((resolve) => {
    let seen: Buffer = Buffer.alloc(0);
    const end = (protocol: "http1" | "http2" | undefined): void => {
      clearTimeout(limit);
      socket.off("data", take).off("close", leave).off("end", leave);
      socket.pause();
      if (protocol !== undefined && seen.length > 0) socket.unshift(seen);
      resolve(protocol);
    };
    const leave = (): void => end(undefined);
    const take = (chunk: Buffer): void => {
      seen = seen.length === 0 ? chunk : Buffer.concat([seen, chunk]);
      const protocol = protocolOf(seen);
      if (protocol !== "undecided") end(protocol);
    };
    const limit = setTimeout(leave, DECIDE_MS);
    socket.on("data", take).once("close", leave).once("end", leave).resume();
  });
}

/** The protocol of a connection that begins with these bytes. Pure. */
export function protocolOf(bytes: Buffer): "http1" | "http2" | "undecided" {
  const length = Math.min(bytes.length, PREFACE.length);
  if (!bytes.subarray(0, length).equals(PREFACE.subarray(0, length))) return "http1";
  return length === PREFACE.length ? "http2" : "undecided";
}
