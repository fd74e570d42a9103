import { readdirSync, statSync } from "node:fs";
import { ENGINE_PROGRAMS } from "../../../model/engine-program.ts";
import { isUnixSocketLive, unixListener } from "../../../native/linux/process/unix-exchange.ffi.ts";
import { textOf } from "../../../native/linux/readable-files.ts";
import { processName } from "../processes/process-name.ts";

const OWN_NAMESPACE = "/proc/self/ns/net";

/**
 * Says which engine answers for a device of this name in another network namespace. All namespaces share the folder
 * of engine sockets, so two of them cannot have tunnels of one name. Undefined when no engine answers, or one of this
 * namespace. Reads only.
 */
export function engineElsewhere(device: string): string | undefined {
  for (const { socketFolder } of Object.values(ENGINE_PROGRAMS)) {
    const path = `${socketFolder}/${device}.sock`;
    const listener = unixListener(path);
    if (listener === undefined) continue;
    const holders = [listener.pid, ...enginesFor(device)].flatMap((pid) => namespaceOf(pid) ?? []);
    if (holders.some(({ namespace }) => namespace === inodeOf(OWN_NAMESPACE))) return undefined;
    const [holder] = holders;
    if (holder === undefined && !isUnixSocketLive(path)) continue;
    return holder === undefined
      ? `the control socket ${path} is in use by another program`
      : `the control socket ${path} is in use by ${processName(holder.pid)} (pid ${holder.pid}, another network namespace)`;
  }
  return undefined;
}

/** Processes of an engine's name that were started for this device. */
function enginesFor(device: string): number[] {
  const names = Object.values(ENGINE_PROGRAMS).flatMap(({ paths }) => paths.map((path) => path.split("/").at(-1)));
  return readdirSync("/proc")
    .filter((name) => /^[0-9]+$/.test(name))
    .filter((pid) => names.includes(textOf(`/proc/${pid}/comm`).trim()))
    .filter((pid) => textOf(`/proc/${pid}/cmdline`).split("\0").includes(device))
    .map(Number);
}

interface Holder {
  readonly pid: number;
  readonly namespace: number;
}

function namespaceOf(pid: number): Holder | undefined {
  const namespace = inodeOf(`/proc/${pid}/ns/net`);
  return namespace === undefined ? undefined : { pid, namespace };
}

function inodeOf(path: string): number | undefined {
  try {
    return statSync(path).ino;
  } catch {
    return undefined;
  }
}
