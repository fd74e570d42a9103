import {
  createServer as createHttpServer,
  type Server as HttpServer,
  type IncomingMessage,
  type ServerResponse,
} from "node:http";
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

/** An admitted connection. */
interface Client {
  readonly uid: number;
  readonly role: Role;
  /** With the runner of this client's actions. */
  readonly parts: ApiParts;
}

/**
 * Serves the API on a unix socket: gRPC to clients that begin with HTTP/2's preface, HTTP/1.1 to the others. The kernel
 * says who is on the other end before the first byte is read; who has no role is closed.
 */
export async function openUnixDoor(options: UnixDoorOptions): Promise<AsyncDisposable> {
  const clients = new Map<Socket, Client>();
  const http = httpServer(clients);
  const door = createServer({ pauseOnConnect: true }, (socket) => {
    socket.on("error", () => socket.destroy());
    const client = admit(socket, options, clients);
    if (client === undefined) {
      socket.destroy();
      return;
    }
    clients.set(socket, client);
    options.onConnections?.(clients.size);
    socket.once("close", () => {
      clients.delete(socket);
      options.onConnections?.(clients.size);
    });
    void serve(socket, client, http);
  });
  await begin(door, options.listen);
  return {
    [Symbol.asyncDispose]: async () => {
      const closed = new Promise<void>((resolve) => door.close(() => resolve()));
      for (const socket of clients.keys()) socket.destroy();
      http.close();
      await closed;
    },
  };
}

/** Undefined for a user without a role, or whose places are taken. */
function admit(
  socket: Socket,
  { rules, peerOf, parts }: UnixDoorOptions,
  clients: ReadonlyMap<Socket, Client>,
): Client | undefined {
  const peer = readPeer(socket, peerOf);
  const role = peer === undefined ? undefined : roleOf(peer, rules);
  if (peer === undefined || role === undefined) return undefined;
  const { uid } = peer;
  const taken = [...clients.values()].filter((client) => client.uid === uid).length;
  if (taken >= (uid === 0 ? PLACES.root : PLACES.user)) return undefined;
  const { runner } = parts;
  return { uid, role, parts: runner === undefined ? parts : { ...parts, runner: runner.forClient(uid, role) } };
}

/** Answers HTTP/1.1 on the connections that it is given. */
function httpServer(clients: ReadonlyMap<Socket, Client>): HttpServer {
  const options = {
    headersTimeout: LIMITS.headersMs,
    requestTimeout: LIMITS.requestMs,
    connectionsCheckingInterval: LIMITS.checkMs,
    maxHeaderSize: LIMITS.headerBytes,
  };
  const http = createHttpServer(options, (request, response) => {
    void answer(request, response, clients.get(request.socket));
  });
  http.on("upgrade", (_request, socket) => socket.destroy());
  // It gets its connections from the door; its own limits of time begin with this event (Node's lib/_http_server.js).
  http.emit("listening");
  return http;
}

async function serve(socket: Socket, { role, parts }: Client, http: HttpServer): Promise<void> {
  const protocol = await readProtocol(socket);
  if (protocol === undefined) socket.destroy();
  else if (protocol === "http2") await serveHttp2(socket, role, parts);
  else {
    http.emit("connection", socket);
    socket.resume();
  }
}

/** gRPC's code is loaded for the first client that speaks it. */
async function serveHttp2(socket: Socket, role: Role, parts: ApiParts): Promise<void> {
  const { serveGrpc } = await import("../grpc/grpc-connection.ts");
  if (!socket.destroyed) serveGrpc(socket, role, parts);
}

async function answer(request: IncomingMessage, response: ServerResponse, client: Client | undefined): Promise<void> {
  // The connection ended before its request was read.
  if (client === undefined) {
    response.destroy();
    return;
  }
  if (!(await answerApi(request, response, client.role, client.parts))) {
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
