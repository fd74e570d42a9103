import { readFileSync } from "node:fs";
import { ENGINE_SIGN, protocolOfEngine } from "../../../model/engine-program.ts";
import type { TunnelObserved } from "../../../model/resources/tunnel.ts";
import { readProcessState } from "../../../native/linux/process/process-state.ts";
import { readTunHolders } from "../../../native/linux/process/tun-holders.ts";
import { unixListener } from "../../../native/linux/process/unix-exchange.ffi.ts";
import { type EngineIdentity, silentTunnel } from "../../../uapi/observed.ts";
import { processName } from "../processes/process-name.ts";

const PROTOCOLS: readonly string[] = ["wireguard", "amneziawg"] satisfies TunnelObserved["protocol"][];

/** The process that runs a device's engine, responsive or not. */
export interface EngineProcess {
  readonly pid: number;
  readonly engine: TunnelObserved["engine"];
  readonly protocol: TunnelObserved["protocol"];
  /** Another program started it. */
  readonly isForeign: boolean;
  /** Set while the process is stopped and cannot answer. */
  readonly stoppedBy: "signal" | "debugger" | undefined;
}

/**
 * Finds the process of a device's engine; undefined when there is none, or it may not be inspected.
 *
 * @param known the pid reported by the keeper; without it every process that has the device open is checked
 */
export function findEngineProcess(device: string, known: number | undefined): EngineProcess | undefined {
  const pids = known === undefined ? readTunHolders(device).map(({ pid }) => pid) : [known];
  for (const pid of pids) {
    const found = engineAt(pid);
    if (found !== undefined) return found;
  }
  return undefined;
}

/**
 * A tunnel whose engine runs but does not answer. `why` applies when the process is not stopped: "does not answer".
 */
export function silentEngine(device: string, found: EngineProcess, why: string): TunnelObserved {
  const { pid, engine, protocol, isForeign, stoppedBy } = found;
  const state = { signal: "is stopped (SIGSTOP)", debugger: "is stopped by a debugger" };
  const text = `${nameOf(found)} ${stoppedBy === undefined ? why : state[stoppedBy]}`;
  const silence = { text, pid, isForeign, canGoOn: stoppedBy === "signal" };
  return { ...silentTunnel({ device, engine, protocol }), silence };
}

/** An answer that is not valid UAPI. */
export interface GarbledAnswer {
  /** What is wrong with it, for people; quotes nothing of the answer. */
  readonly garbled: string;
  /** The socket it came from. */
  readonly path: string;
  /** The keeper's pid; the keeper creates its engines' sockets. */
  readonly keeper: number | undefined;
}

/**
 * A tunnel whose socket gives an unreadable answer: from the engine itself, or from another program that replaced the
 * socket. `found` is undefined where no engine process was found.
 */
export function garbledEngine(
  identity: EngineIdentity,
  found: EngineProcess | undefined,
  { garbled, path, keeper }: GarbledAnswer,
): TunnelObserved {
  const listener = unixListener(path)?.pid;
  const isOther = listener !== undefined && ![0, found?.pid, keeper].includes(listener) && isAlive(listener);
  const other = isOther ? `${processName(listener)} (process ${listener}) answers on ${path} in its place` : undefined;
  const silent = silentTunnel(identity);
  if (found !== undefined) {
    const why = other === undefined ? `sends an unreadable answer: ${garbled}` : `is unreachable: ${other}: ${garbled}`;
    const said = silentEngine(identity.device, found, why);
    return said.silence === undefined ? said : { ...said, silence: { ...said.silence, isGarbled: true } };
  }
  if (other === undefined) return silent;
  const text = `no engine is running: ${other}: ${garbled}`;
  return { ...silent, silence: { text, pid: listener ?? 0, isForeign: false, canGoOn: false, isGarbled: true } };
}

function nameOf({ pid, engine, protocol, isForeign }: EngineProcess): string {
  const program = engine === "embedded" ? "awg's engine" : protocol === "wireguard" ? "wireguard-go" : "amneziawg-go";
  return `${program} (process ${pid})${isForeign ? ", which another program started," : ""}`;
}

/** A live check: wireguard-go's first process passes its socket to another and exits. */
function isAlive(pid: number): boolean {
  const state = readProcessState(pid);
  return state !== undefined && state !== "Z" && state !== "X";
}

function engineAt(pid: number): EngineProcess | undefined {
  if (!isAlive(pid)) return undefined;
  const state = readProcessState(pid);
  const stoppedBy = state === "T" ? "signal" : state === "t" ? "debugger" : undefined;
  try {
    const variables = readFileSync(`/proc/${pid}/environ`, "utf8").split("\0");
    const sign = variables.find((variable) => variable.startsWith(`${ENGINE_SIGN}=`))?.slice(ENGINE_SIGN.length + 1);
    const protocol = sign?.split(":")[1] ?? protocolOfEngine(readFileSync(`/proc/${pid}/comm`, "utf8").trim());
    if (protocol === undefined || !isProtocol(protocol)) return undefined;
    const engine = sign?.startsWith("embedded:") === true ? "embedded" : "userspace";
    return { pid, engine, protocol, isForeign: sign === undefined, stoppedBy };
  } catch {
    // It ended, or may not be inspected.
    return undefined;
  }
}

function isProtocol(text: string): text is TunnelObserved["protocol"] {
  return PROTOCOLS.includes(text);
}
