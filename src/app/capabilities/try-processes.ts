import type { System } from "../../config/feature/support.ts";
import type { ProcessPort } from "../../host/ports/processes.ts";
import { messageOf } from "../../model/error.ts";
import type { Trial, Trials } from "./mechanisms.ts";

/** The ids of the mechanisms that each method of the port uses. */
const IDS = {
  linux: { list: "proc", name: "proc-exe", owner: "sock-diag", traffic: "tcp-info", events: "proc-events" },
  darwin: { list: "libproc", name: "proc-pidpath", owner: "pcblist", traffic: "socket-bytes", events: "proc-events" },
} as const satisfies Readonly<Record<System, unknown>>;

/** Tries what this host reports of processes, their sockets and their traffic. Reads only. */
export async function tryProcesses(port: ProcessPort, system: System): Promise<Trials> {
  const { list, name, owner, traffic, events } = IDS[system];
  return {
    [list]: attempt(() => port.list().programs.length > 0),
    [name]: attempt(() => port.list().programs.some(({ path }) => path !== undefined)),
    [owner]: attempt(() => port.sockets() !== undefined),
    [traffic]: attempt(() => port.traffic?.() !== undefined),
    [events]: await attemptWatch(port),
  };
}

function attempt(works: () => boolean): Trial {
  try {
    return { ok: works() };
  } catch (error) {
    return { ok: false, reason: messageOf(error) };
  }
}

async function attemptWatch(port: ProcessPort): Promise<Trial> {
  try {
    await using _ = port.watch(() => {});
    return { ok: true };
  } catch (error) {
    return { ok: false, reason: messageOf(error) };
  }
}
