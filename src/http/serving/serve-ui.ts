import type { Socket } from "node:net";
import { openLoopbackDoor } from "../doors/loopback-door.ts";
import { forward } from "../forward.ts";
import { type ApiParts, answerApi } from "../router.ts";
import { Sessions } from "../sessions.ts";
import { StaticFiles } from "../static-files.ts";

interface SocketAddress {
  readonly address: string;
  readonly port: number;
}

const API_ABSENT =
  "awg api does not run, so nothing can be changed here; start it: systemctl start awg-api.socket, or awg api";

export interface UiOptions {
  /** The socket of the API. */
  readonly apiSocket: string;
  /** Answers for a user without access to that socket. */
  readonly parts: ApiParts;
  /** The uid of the program with the local address of a TCP connection of this host; undefined if it is unknown. */
  readonly ownerOf: (connection: {
    readonly local: SocketAddress;
    readonly remote: SocketAddress;
  }) => number | undefined;
  /** 0 lets the kernel choose. */
  readonly port: number;
  /** Folder of the built dashboard. */
  readonly files: string;
  readonly signal: AbortSignal;
  /** Gets the address to open, with its code. */
  readonly onListening: (address: string) => void;
}

/**
 * Serves the dashboard to this user's browser until `signal`. It has no rights of its own: requests pass to the API's
 * socket, where the kernel identifies this user. A user without access to it, or without an API, has the role viewer of
 * the daemon's socket.
 */
export async function serveUi(options: UiOptions): Promise<void> {
  const { apiSocket, parts, ownerOf, port, files, signal, onListening } = options;
  const sessions = new Sessions(() => performance.now());
  const own = process.getuid?.();
  await using door = await openLoopbackDoor({
    port,
    sessions,
    files: new StaticFiles(files),
    isOwn: ({ remoteAddress, remotePort, localAddress, localPort }: Socket) => {
      if (remoteAddress === undefined || remotePort === undefined) return false;
      const local = { address: remoteAddress, port: remotePort };
      const remote = { address: localAddress ?? "", port: localPort ?? 0 };
      return ownerOf({ local, remote }) === own;
    },
    answer: async (request, response) => {
      const [path = ""] = (request.url ?? "").split("?");
      if (!path.startsWith("/api/") && path !== "/metrics") return false;
      const unreached = await forward(request, response, apiSocket);
      if (unreached === undefined) return true;
      const isAbsent = unreached !== "EACCES";
      return answerApi(request, response, "viewer", isAbsent ? { ...parts, noActions: API_ABSENT } : parts);
    },
  });
  onListening(`http://127.0.0.1:${door.port}/#${sessions.newCode()}`);
  await new Promise<void>((resolve) => signal.addEventListener("abort", () => resolve(), { once: true }));
}
