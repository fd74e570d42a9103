import { accessSync, constants } from "node:fs";
import type { Socket } from "node:net";
import type { HostOptions } from "../../app/host-options.ts";
import { linuxProcesses } from "../../host/linux/processes/linux-processes.ts";
import { openLoopbackDoor } from "../../http/doors/loopback-door.ts";
import { forward } from "../../http/forward.ts";
import { answerApi } from "../../http/router.ts";
import { Sessions } from "../../http/sessions.ts";
import { StaticFiles } from "../../http/static-files.ts";
import { AwgError } from "../../model/error.ts";
import { pathsFor } from "../paths.ts";
import { daemonParts, type EventText } from "./daemon-parts.ts";

export interface UiOptions {
  readonly host: HostOptions;
  readonly textOf: EventText;
  /** 0 lets the kernel choose. */
  readonly port: number;
  /** Folder of the built dashboard. */
  readonly files: string;
  readonly signal: AbortSignal;
  /** Gets the address to open, with its code. */
  readonly onListening: (address: string) => void;
}

/**
 * Serves the dashboard to this user's browser, and passes its questions on to the API's socket, where the kernel says who
 * this user is. Who may not connect there looks, by the daemon's socket. It has no rights of its own.
 */
export async function serveUi({ host, textOf, port, files, signal, onListening }: UiOptions): Promise<void> {
  if (process.platform !== "linux") {
    throw new AwgError("unsupported", "the dashboard works on Linux only in this version", {
      remedy: "use awg status",
    });
  }
  const { apiSocket } = pathsFor(host.stateDir, host.runDir);
  const sessions = new Sessions(() => performance.now());
  const processes = linuxProcesses({ nowMs: () => performance.now() });
  const own = process.getuid?.();
  const parts = daemonParts(host, textOf);
  await using door = await openLoopbackDoor({
    port,
    sessions,
    files: new StaticFiles(files),
    isOwn: ({ remoteAddress, remotePort, localAddress, localPort }: Socket) => {
      if (remoteAddress === undefined || remotePort === undefined) return false;
      const local = { address: remoteAddress, port: remotePort };
      const remote = { address: localAddress ?? "", port: localPort ?? 0 };
      return processes.ownerOf({ protocol: "tcp", local, remote })?.uid === own;
    },
    answer: async (request, response) => {
      const [path = ""] = (request.url ?? "").split("?");
      if (!path.startsWith("/api/") && path !== "/metrics") return false;
      if (!mayWrite(apiSocket)) return answerApi(request, response, "viewer", parts);
      await forward(request, response, apiSocket);
      return true;
    },
  });
  onListening(`http://127.0.0.1:${door.port}/#${sessions.newCode()}`);
  await new Promise<void>((resolve) => signal.addEventListener("abort", () => resolve(), { once: true }));
}

/** Whether this user may connect to a unix socket (unix(7): that needs write permission). */
function mayWrite(path: string): boolean {
  try {
    accessSync(path, constants.W_OK);
    return true;
  } catch {
    return false;
  }
}
