import { readFileSync } from "node:fs";
import { ENGINE_SIGN, protocolOfEngine } from "../../../model/engine-program.ts";
import type { TunnelObserved } from "../../../model/resources/tunnel.ts";
import { readProcessState } from "../../../native/linux/process/process-state.ts";
import { readTunHolders } from "../../../native/linux/process/tun-holders.ts";
import { unixListener } from "../../../native/linux/process/unix-exchange.ffi.ts";
import { type EngineIdentity, silentTunnel } from "../../../uapi/observed.ts";
import { processName } from "../processes/process-name.ts";

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
  const state = { signal: "is stopped (SIGSTOP)", debugger: "is stopped by a debugger" };
  const text = `${nameOf(found)} ${stoppedBy === undefined ? why : state[stoppedBy]}`;
  const silence = { text, pid, isForeign, canGoOn: stoppedBy === "signal" };
  return { ...silentTunnel({ device, engine, protocol }), silence };
}

/** An answer that is no engine's. */
export interface GarbledAnswer {
  /** What is wrong with it, in words for people that quote nothing of it. */
  readonly garbled: string;
  /** The socket it came from. */
  readonly path: string;
  /** The keeper's pid, which makes its engines' sockets. */
  readonly keeper: number | undefined;
}

/**
 * A tunnel on whose socket something answers that is no engine's answer: the engine itself, or another program that put a socket
 * in its place. `found` is undefined where no process is its engine.
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
    const why = other === undefined ? `cannot be understood: ${garbled}` : `is not heard: ${other}: ${garbled}`;
    const said = silentEngine(identity.device, found, why);
    return said.silence === undefined ? said : { ...said, silence: { ...said.silence, isGarbled: true } };
  }
  if (other === undefined) return silent;
  const text = `no engine is there: ${other}: ${garbled}`;
  return { ...silent, silence: { text, pid: listener ?? 0, isForeign: false, canGoOn: false, isGarbled: true } };
}

function nameOf({ pid, engine, protocol, isForeign }: EngineProcess): string {
  const program = engine === "embedded" ? "awg's engine" : protocol === "wireguard" ? "wireguard-go" : "amneziawg-go";
  return `${program} (process ${pid})${isForeign ? ", which another program started," : ""}`;
}

/** One whose socket outlived it handed that on: wireguard-go's first process does. */
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
    // It ended, or is not ours to look into.
    return undefined;
  }
}

function isProtocol(text: string): text is TunnelObserved["protocol"] {
  return PROTOCOLS.includes(text);
}
