import { readFileSync } from "node:fs";
import { ENGINE_SIGN, protocolOfEngine } from "../../../model/engine-program.ts";
import type { TunnelObserved } from "../../../model/spec/tunnel.ts";
import { silentTunnel } from "../../../model/uapi/observed.ts";
import { readProcessState } from "../../../native/linux/process/process-state.ts";
import { readTunHolders } from "../../../native/linux/process/tun-holders.ts";

const PROTOCOLS: readonly string[] = ["wireguard", "amneziawg"] satisfies TunnelObserved["protocol"][];

/** The process that is the engine of a device, whether it answers or not. */
export interface EngineProcess {
  readonly pid: number;
  readonly engine: TunnelObserved["engine"];
  readonly protocol: TunnelObserved["protocol"];
  /** Another program started it. */
  readonly isForeign: boolean;
  /** It cannot answer before somebody lets it go on. */
  readonly stoppedBy: "signal" | "debugger" | undefined;
}

/**
 * Finds the process of a device's engine; undefined when there is none, or it may not be looked into.
 *
 * @param known the pid by which its keeper knows it; without it every process that has the device open is looked at
 */
export function findEngineProcess(device: string, known: number | undefined): EngineProcess | undefined {
  const pids = known === undefined ? readTunHolders(device).map(({ pid }) => pid) : [known];
  for (const pid of pids) {
    const found = engineAt(pid);
    if (found !== undefined) return found;
  }
  return undefined;
}

/** A tunnel whose engine is there and does not answer. `why` is for where nothing stopped it: "does not answer". */
export function silentEngine(device: string, found: EngineProcess, why: string): TunnelObserved {
  const { pid, engine, protocol, isForeign, stoppedBy } = found;
  const program = engine === "embedded" ? "awg's engine" : protocol === "wireguard" ? "wireguard-go" : "amneziawg-go";
  const origin = isForeign ? ", which another program started," : "";
  const state = { signal: "is stopped (SIGSTOP)", debugger: "is stopped by a debugger" };
  const text = `${program} (process ${pid})${origin} ${stoppedBy === undefined ? why : state[stoppedBy]}`;
  const silence = { text, pid, isForeign, canGoOn: stoppedBy === "signal" };
  return { ...silentTunnel({ device, engine, protocol }), silence };
}

function engineAt(pid: number): EngineProcess | undefined {
  const state = readProcessState(pid);
  if (state === undefined || state === "Z" || state === "X") return undefined;
  const stoppedBy = state === "T" ? "signal" : state === "t" ? "debugger" : undefined;
  try {
    const variables = readFileSync(`/proc/${pid}/environ`, "utf8").split("\0");
    const sign = variables.find((variable) => variable.startsWith(`${ENGINE_SIGN}=`))?.slice(ENGINE_SIGN.length + 1);
    const protocol = sign?.split(":")[1] ?? protocolOfEngine(readFileSync(`/proc/${pid}/comm`, "utf8").trim());
    if (protocol === undefined || !isProtocol(protocol)) return undefined;
    const engine = sign?.startsWith("embedded:") === true ? "embedded" : "userspace";
    return { pid, engine, protocol, isForeign: sign === undefined, stoppedBy };
  } catch {
    // It ended, or is not ours to look into.
    return undefined;
  }
}

function isProtocol(text: string): text is TunnelObserved["protocol"] {
  return PROTOCOLS.includes(text);
}
