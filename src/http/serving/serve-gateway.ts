import { renameSync, rmSync, writeFileSync } from "node:fs";
import { AwgError, messageOf } from "../../model/error.ts";
import { openLoopbackDoor } from "../doors/loopback-door.ts";
import { type ApiParts, answerApi } from "../router.ts";
import { Sessions } from "../sessions.ts";

export interface GatewayOptions {
  readonly parts: ApiParts;
  /** A loopback address. */
  readonly listen: { readonly host: string; readonly port: number };
  /** Gets the token that clients send; its group may read it. */
  readonly tokenFile: string;
  readonly signal: AbortSignal;
  readonly onListening: (address: string) => void;
}

/**
 * Serves status, events and metrics on loopback until it should end. Whoever has the token is a viewer, and nothing can be
 * run here. It has no rights but to ask the daemon.
 *
 * @throws AwgError permission for root: what parses HTTP from any program of the host has no rights
 */
export async function serveGateway(options: GatewayOptions): Promise<void> {
  const { parts, listen, tokenFile, signal, onListening } = options;
  if (process.getuid?.() === 0) {
    throw new AwgError("permission", "the gateway does not run as root", {
      remedy: "run it as a user of group awg-viewer, or set api.http in the config",
    });
  }
  const sessions = new Sessions(() => performance.now());
  await using door = await openLoopbackDoor({
    host: listen.host,
    port: listen.port,
    sessions,
    isOwn: () => true,
    answer: async (request, response) => {
      const [path = ""] = (request.url ?? "").split("?");
      return (path.startsWith("/api/") || path === "/metrics") && answerApi(request, response, "viewer", parts);
    },
  });
  writeToken(tokenFile, sessions.trade(sessions.newCode()) ?? "");
  onListening(`http://${listen.host.includes(":") ? `[${listen.host}]` : listen.host}:${door.port}`);
  await new Promise<void>((resolve) => signal.addEventListener("abort", () => resolve(), { once: true }));
  rmSync(tokenFile, { force: true });
}

/** A reader finds the old token or the new one, whole. AwgError host if it cannot be written. */
function writeToken(file: string, token: string): void {
  const draft = `${file}.new`;
  try {
    rmSync(draft, { force: true });
    writeFileSync(draft, `${token}\n`, { mode: 0o640, flag: "wx" });
    renameSync(draft, file);
  } catch (cause) {
    throw new AwgError("host", `the token cannot be written to ${file}: ${messageOf(cause)}`, { cause });
  }
}
