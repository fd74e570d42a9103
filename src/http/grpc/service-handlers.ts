import type { AwgMessage } from "../../api/grpc/awg-proto.ts";
import { AwgError } from "../../model/error.ts";
import type { GrpcCall, HandlersFor } from "./handler.ts";
import { runVerb } from "./run-verb.ts";

/** The daemon's service, and services of other programs. */
export const SERVICE_HANDLERS: HandlersFor<
  "GetAutostart" | "SetAutostart" | "CheckConflictingServices" | "StopConflictingServices"
> = {
  GetAutostart: async (_, call) => daemonService((await runVerb(call, "service")).document),
  SetAutostart: async ({ enabled = false }, call) => {
    const { document } = await runVerb(call, "autostart", { command: enabled ? "enable" : "disable" });
    return { enabled: daemonService(document).enabled === true };
  },
  CheckConflictingServices: async (_, call) => ({ services: await readConflicts(call) }),
  StopConflictingServices: async ({ names = [] }, call) => {
    if (names.length === 0) throw new AwgError("usage", "names is empty", { remedy: "name the services to stop" });
    for (const name of names) await runVerb(call, "stopConflict", { name });
    return { services: await readConflicts(call) };
  },
};

interface ServiceDocument {
  readonly services: readonly {
    readonly name: string;
    readonly enabled?: boolean;
    readonly installed: boolean;
    readonly running: boolean;
  }[];
}

/** Its name with systemd and launchd. */
const DAEMON: readonly string[] = ["awg.service", "com.awg.split-tunnel"];

function daemonService(document: unknown): AwgMessage<"GetAutostartResponse"> {
  const found = (document as ServiceDocument).services.find(({ name }) => DAEMON.includes(name));
  const { enabled = false, installed = false, running = false } = found ?? {};
  return { enabled, installed, running };
}

async function readConflicts(call: GrpcCall): Promise<readonly AwgMessage<"ConflictingService">[]> {
  const { document } = await runVerb(call, "conflicts");
  return (document as unknown as { readonly services: readonly AwgMessage<"ConflictingService">[] }).services;
}
