import { once } from "node:events";
import { chmodSync, mkdirSync } from "node:fs";
import { createServer, type Server, type Socket } from "node:net";
import { dirname } from "node:path";
import type { UapiSession } from "./uapi-session.ts";

/** A set of 10,000 peers with their prefixes is some megabytes. */
const MAX_REQUEST_BYTES = 64 * 1024 * 1024;
const IDLE_MS = 30_000;
const MAX_CLIENTS = 64;

/** An inherited listening unix socket, or the path to create one at. */
export type UapiPlace = { readonly fd: number } | { readonly path: string };

/**
 * Serves the UAPI on a unix socket; the socket file's mode decides who may connect. A slow, silent or endless client
 * delays no other. A client that closes its writing half after its request, like nc and socat, is answered.
 */
export async function serveUapi(place: UapiPlace, session: UapiSession): Promise<Server> {
  const server = createServer({ allowHalfOpen: true }, (socket) => serveClient(socket, session));
  server.maxConnections = MAX_CLIENTS;
  if ("path" in place) {
    const made = mkdirSync(dirname(place.path), { recursive: true });
    if (made !== undefined) chmodSync(made, 0o755);
  }
  server.listen(place);
  await once(server, "listening");
  return server;
}

function serveClient(socket: Socket, session: UapiSession): void {
  let received: Buffer[] = [];
  let bytes = 0;
  let unanswered = 0;
  const endIfDone = () => {
    if (unanswered === 0 && socket.readableEnded) socket.end();
  };
  socket.on("end", endIfDone);
  socket.setTimeout(IDLE_MS, () => socket.destroy());
  socket.on("error", () => socket.destroy());
  socket.on("data", (chunk: Buffer) => {
    received.push(chunk);
    bytes += chunk.length;
    if (bytes > MAX_REQUEST_BYTES) {
      socket.destroy();
      return;
    }
    if (!mayEndRequest(chunk)) return;
    const whole = received.length === 1 ? chunk : Buffer.concat(received);
    const text = whole.toString("utf8");
    // It may contain keys.
    for (const one of [whole, ...received]) one.fill(0);
    const requests = text.split("\n\n");
    const rest = requests.pop() ?? "";
    received = rest === "" ? [] : [Buffer.from(rest)];
    bytes = rest.length;
    for (const request of requests) {
      unanswered += 1;
      void session.answer(request.replace(/^\n+/, "")).then((answer) => {
        unanswered -= 1;
        if (!socket.destroyed) socket.write(answer);
        endIfDone();
      });
    }
  });
}

/** The empty line that ends a request may arrive in two pieces, so a leading newline is also checked. */
function mayEndRequest(chunk: Buffer): boolean {
  return chunk.includes("\n\n") || chunk[0] === 10;
}
