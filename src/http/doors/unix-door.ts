import { createServer as createHttpServer, type IncomingMessage, type ServerResponse } from "node:http";
import { createServer, type Server, type Socket } from "node:net";
import { type Role, type RoleRules, roleOf, type SocketPeer } from "../../api/role.ts";
import { answerProblem } from "../answers.ts";
import { type ApiParts, answerApi } from "../router.ts";
import { readProtocol } from "./sniff.ts";

/** Connections of one user at a time; root has more. */
const PLACES = { user: 32, root: 128 } as const;
/** Node looks for connections that are too slow every checkMs, not at their limit. */
const LIMITS = { headersMs: 2_000, requestMs: 10_000, checkMs: 500, headerBytes: 8 * 1024 } as const;

export interface UnixDoorOptions {
  /** A path, or a descriptor that a service manager opened. */
  readonly listen: { readonly path: string } | { readonly fd: number };
  readonly rules: RoleRules;
  /** The peer of a connected socket's descriptor. */
  readonly peerOf: (fd: number) => SocketPeer;
  readonly parts: ApiParts;
  /** Called with the number of open connections whenever it changes. */
  readonly onConnections?: (open: number) => void;
}

/**
 * Serves the API on a unix socket: gRPC to clients that begin with HTTP/2's preface, HTTP/1.1 to the others. The kernel
 * says who is on the other end before the first byte is read; who has no role is closed.
 */
export async function openUnixDoor({
  listen,
  rules,
  peerOf,
  parts,
  onConnections,
}: UnixDoorOptions): Promise<AsyncDisposable> {
  const roles = new WeakMap<Socket, Role>();
  const partsOf = new WeakMap<Socket, ApiParts>();
  const places = new Map<number, number>();
  const sockets = new Set<Socket>();
  const http = createHttpServer(
    {
      headersTimeout: LIMITS.headersMs,
      requestTimeout: LIMITS.requestMs,
      connectionsCheckingInterval: LIMITS.checkMs,
      maxHeaderSize: LIMITS.headerBytes,
    },
    (request, response) =>
      void answer(request, response, roles.get(request.socket), partsOf.get(request.socket) ?? parts),
  );
  http.on("upgrade", (_request, socket) => socket.destroy());
  // It gets its connections from the door; its own limits of time begin with this event (Node's lib/_http_server.js).
  http.emit("listening");
  const door = createServer({ pauseOnConnect: true }, (socket) => {
    socket.on("error", () => socket.destroy());
    const peer = readPeer(socket, peerOf);
    const role = peer === undefined ? undefined : roleOf(peer, rules);
    const taken = peer === undefined ? 0 : (places.get(peer.uid) ?? 0);
    if (peer === undefined || role === undefined || taken >= (peer.uid === 0 ? PLACES.root : PLACES.user)) {
      socket.destroy();
      return;
    }
    places.set(peer.uid, taken + 1);
    sockets.add(socket);
    onConnections?.(sockets.size);
    socket.once("close", () => {
      places.set(peer.uid, (places.get(peer.uid) ?? 1) - 1);
      sockets.delete(socket);
      onConnections?.(sockets.size);
    });
    roles.set(socket, role);
    const { runner } = parts;
    const ofClient = runner === undefined ? parts : { ...parts, runner: runner.forClient(peer.uid, role) };
    partsOf.set(socket, ofClient);
    void readProtocol(socket).then(async (protocol) => {
      if (protocol === undefined) socket.destroy();
      else if (protocol === "http1") http.emit("connection", socket);
      else await serveHttp2(socket, role, ofClient);
      if (protocol === "http1") socket.resume();
    });
  });
  await begin(door, listen);
  return {
    [Symbol.asyncDispose]: async () => {
      const closed = new Promise<void>((resolve) => door.close(() => resolve()));
      for (const socket of sockets) socket.destroy();
      http.close();
      await closed;
    },
  };
}

/** gRPC's code is loaded for the first client that speaks it. */
async function serveHttp2(socket: Socket, role: Role, parts: ApiParts): Promise<void> {
  const { serveGrpc } = await import("../grpc/grpc-connection.ts");
  if (!socket.destroyed) serveGrpc(socket, role, parts);
}

async function answer(
  request: IncomingMessage,
  response: ServerResponse,
  role: Role | undefined,
  parts: ApiParts,
): Promise<void> {
  if (role === undefined) {
    response.destroy();
    return;
  }
  if (!(await answerApi(request, response, role, parts))) {
    answerProblem(response, 404, "there is no such path; GET /api/openapi.json lists them");
  }
}

function readPeer(socket: Socket, peerOf: UnixDoorOptions["peerOf"]): SocketPeer | undefined {
  // Node has no API for peer credentials; the descriptor is in the socket's handle.
  const fd = (socket as Socket & { _handle?: { fd?: number } })._handle?.fd;
  try {
    return fd === undefined || fd < 0 ? undefined : peerOf(fd);
  } catch {
    return undefined;
  }
}

function begin(server: Server, listen: UnixDoorOptions["listen"]): Promise<void> {
  return new Promise((resolve, reject) => {
    server.once("error", reject);
    server.listen(listen, resolve);
  });
}
