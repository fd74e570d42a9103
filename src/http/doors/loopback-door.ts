import { createServer, type IncomingMessage, type ServerResponse } from "node:http";
import type { AddressInfo, Socket } from "node:net";
import { guard, SESSION_PATH } from "../../api/guard.ts";
import { answerJson, answerProblem } from "../answers.ts";
import { readJsonBody } from "../read-body.ts";
import type { Sessions } from "../sessions.ts";
import type { StaticFiles } from "../static-files.ts";
import { Places } from "./places.ts";

/** Node looks for connections that are too slow every checkMs, not at their limit. */
const LIMITS = { headersMs: 2_000, requestMs: 10_000, checkMs: 500, headerBytes: 8 * 1024 } as const;

export interface LoopbackDoorOptions {
  /** A loopback address; 127.0.0.1 when absent. */
  readonly host?: string;
  /** 0 lets the kernel choose. */
  readonly port: number;
  readonly sessions: Sessions;
  /** The dashboard; absent where only programs ask. */
  readonly files?: StaticFiles;
  /** Whether the program on the other end of a connection runs as this user. */
  readonly isOwn: (socket: Socket) => Promise<boolean> | boolean;
  /** Answers what is behind the guard; false if there is no such path. */
  readonly answer: (request: IncomingMessage, response: ServerResponse) => Promise<boolean>;
}

export interface LoopbackDoor extends AsyncDisposable {
  readonly port: number;
}

/** Serves the API on loopback, and the dashboard where it has its files. Every request passes the guard first. */
export async function openLoopbackDoor(options: LoopbackDoorOptions): Promise<LoopbackDoor> {
  const server = createServer({
    headersTimeout: LIMITS.headersMs,
    requestTimeout: LIMITS.requestMs,
    connectionsCheckingInterval: LIMITS.checkMs,
    maxHeaderSize: LIMITS.headerBytes,
    insecureHTTPParser: false,
  });
  await new Promise<void>((resolve, reject) => {
    server.once("error", reject);
    server.listen({ host: options.host ?? "127.0.0.1", port: options.port }, resolve);
  });
  const { port } = server.address() as AddressInfo;
  server.on("upgrade", (_request, socket) => socket.destroy());
  const owners = new WeakMap<Socket, Promise<boolean>>();
  const places = new Places();
  server.on("connection", (socket) => owners.set(socket, admit(socket, places, options.isOwn)));
  server.on("request", async (request, response) => {
    if ((await owners.get(request.socket)) === true) await serve(request, response, { ...options, port, places });
    else response.destroy();
  });
  return {
    port,
    [Symbol.asyncDispose]: () =>
      new Promise<void>((resolve) => {
        server.close(() => resolve());
        server.closeAllConnections();
      }),
  };
}

/** Connections that end with the refusal of a request. */
const refusedSockets = new WeakSet<Socket>();

/** Cuts the connection of another user at once, and one that stays silent soon, so that they hold no place. */
async function admit(socket: Socket, places: Places, isOwn: LoopbackDoorOptions["isOwn"]): Promise<boolean> {
  const limit = setTimeout(() => {
    if (socket.bytesRead === 0) socket.destroy();
  }, LIMITS.headersMs);
  socket.once("close", () => clearTimeout(limit));
  const own = await ownerIs(socket, isOwn);
  if (own) places.take(socket);
  else socket.destroy();
  return own;
}

/** An owner that cannot be read (sock_diag of a busy kernel, a connection that is gone) is another. */
async function ownerIs(socket: Socket, isOwn: LoopbackDoorOptions["isOwn"]): Promise<boolean> {
  try {
    return await isOwn(socket);
  } catch {
    return false;
  }
}

async function serve(
  request: IncomingMessage,
  response: ServerResponse,
  { port, places, sessions, files, answer }: LoopbackDoorOptions & { readonly places: Places },
): Promise<void> {
  const { method = "", url: target = "", rawHeaders } = request;
  // One read may hold hundreds of requests; those behind a refused one are not looked at.
  if (response.destroyed || refusedSockets.has(request.socket)) return;
  const isToken = (token: string): boolean => {
    const isOurs = sessions.isToken(token);
    if (isOurs) places.keep(request.socket);
    return isOurs;
  };
  const refusal = guard({ method, target, rawHeaders }, { port, isToken });
  if (refusal !== undefined) {
    refusedSockets.add(request.socket);
    response.shouldKeepAlive = false;
    answerProblem(response, refusal.status, refusal.message);
    return;
  }
  const [path = ""] = target.split("?");
  try {
    if (path === SESSION_PATH) await openSession(request, response, sessions);
    else if (await answer(request, response)) return;
    else if (files === undefined)
      answerProblem(response, 404, "there is no such path; docs/reference/api.md lists them");
    else files.answer(path, response);
  } catch {
    if (response.headersSent) response.destroy();
    else answerProblem(response, 400, "the request could not be read");
  }
}

async function openSession(request: IncomingMessage, response: ServerResponse, sessions: Sessions): Promise<void> {
  const { code } = ((await readJsonBody(request)) ?? {}) as { readonly code?: unknown };
  const token = typeof code === "string" ? sessions.trade(code) : undefined;
  if (token === undefined) answerProblem(response, 401, "the code is used or too old; run awg ui again");
  else answerJson(response, 200, { token });
}
