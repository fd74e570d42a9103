import { setTimeout as sleep } from "node:timers/promises";
import { ENGINE_PROGRAMS, ENGINE_SIGN, protocolOfEngine } from "../../model/engine-program.ts";
import type { EngineUser, EnsureEngine } from "../../model/keeper-protocol.ts";
import { readTunHolders } from "../../native/linux/process/tun-holders.ts";
import { isUnixSocketLive } from "../../native/linux/process/unix-exchange.ffi.ts";
import {
  endProcess,
  listPids,
  namespaceInodeOf,
  type ProcessIdentity,
  readProcessIdentity,
  readProcFile,
} from "../process-identity.ts";

/** The descriptor numbers of an engine, which it reads from its environment. */
export const ENGINE_DESCRIPTOR = { tun: 3, uapi: 4 } as const;

const SOCKET_MS = 1000;
const LOOK_MS = 10;

/** Node's process names, by version. */
const NODE_NAMES = ["node", "MainThread", "node-MainThread"];
/** The title of a former spare, followed by its device; the kernel keeps fifteen characters (prctl(2)). */
export const ENGINE_TITLE = "awg engine";

/** A running engine that this keeper did not start: an earlier keeper or another program did. */
export interface OrphanEngine extends ProcessIdentity {
  readonly device: string;
  readonly kind: EnsureEngine["engine"];
  readonly protocol: EnsureEngine["protocol"];
  /** Undefined where another program chose it; it stays until the engine is restarted. */
  readonly user: EngineUser | undefined;
  /** Its descriptor of the device. */
  readonly descriptor: number;
}

/** The environment variable that identifies an engine's kind. */
export function engineSign(kind: EnsureEngine["engine"], protocol: EnsureEngine["protocol"]): Record<string, string> {
  return { [ENGINE_SIGN]: `${kind}:${protocol}` };
}

/** Engines of this network namespace that a keeper of ours started, those of the caller included. */
export function findEngines(): OrphanEngine[] {
  const namespace = namespaceInodeOf("self");
  const found: OrphanEngine[] = [];
  for (const pid of listPids()) {
    if (!mayBeEngine(pid)) continue;
    const identity = readProcessIdentity(pid);
    const device = deviceBehind(pid);
    const sign = signOf(pid);
    if (identity === undefined || device === undefined || sign === undefined) continue;
    if (namespaceInodeOf(pid) === namespace)
      found.push({ ...identity, ...sign, device, user: userOf(pid), descriptor: ENGINE_DESCRIPTOR.tun });
  }
  return found;
}

/**
 * Engines of this network namespace whose device was deleted after their keeper ended. They carry nothing more, and
 * keep the socket of the next engine for a device of that name.
 */
export function findEnginesWithoutDevice(): ProcessIdentity[] {
  const namespace = namespaceInodeOf("self");
  return listPids().flatMap((pid) => {
    if (!mayBeEngine(pid) || signOf(pid) === undefined || namespaceInodeOf(pid) !== namespace) return [];
    const isDetached = /^iff:\t\s*$/m.test(readProcFile(pid, `fdinfo/${ENGINE_DESCRIPTOR.tun}`) ?? "");
    return isDetached ? (readProcessIdentity(pid) ?? []) : [];
  });
}

/** Ends these engines and waits until their socket is free: it stays until the last thread of its process is gone. */
export async function endEngines(engines: readonly ProcessIdentity[], socket: string): Promise<void> {
  for (const engine of engines) await endProcess(engine);
  for (let waitedMs = 0; waitedMs < SOCKET_MS && isUnixSocketLive(socket); waitedMs += LOOK_MS) await sleep(LOOK_MS);
}

/** The engine that another program started on a device of this network namespace; undefined when there is none. */
export function findForeignEngine(device: string): OrphanEngine | undefined {
  for (const { pid, program, descriptor, environment } of readTunHolders(device)) {
    const protocol = protocolOfEngine(program);
    const identity = readProcessIdentity(pid);
    const isSigned = environment.some((variable) => variable.startsWith(`${ENGINE_SIGN}=`));
    if (protocol === undefined || identity === undefined || isSigned) continue;
    return { ...identity, device, kind: "userspace", protocol, user: undefined, descriptor };
  }
  return undefined;
}

/** The engine that runs as this process, if it is one of a keeper's. */
export function signOf(pid: number): Pick<OrphanEngine, "kind" | "protocol"> | undefined {
  const variables = (readProcFile(pid, "environ") ?? "").split("\0");
  for (const kind of ["userspace", "embedded"] as const) {
    for (const protocol of ["wireguard", "amneziawg"] as const) {
      const [variable] = Object.entries(engineSign(kind, protocol)).map(([name, value]) => `${name}=${value}`);
      if (variable !== undefined && variables.includes(variable)) return { kind, protocol };
    }
  }
  return undefined;
}

function mayBeEngine(pid: number): boolean {
  const name = readProcFile(pid, "comm")?.trim() ?? "";
  const programs = Object.values(ENGINE_PROGRAMS).flatMap(({ paths }) => paths);
  return (
    NODE_NAMES.includes(name) || name.startsWith(ENGINE_TITLE) || programs.some((path) => path.endsWith(`/${name}`))
  );
}

/** The device of a process's TUN descriptor, from fdinfo (drivers/net/tun.c, tun_chr_show_fdinfo). */
export function deviceBehind(pid: number): string | undefined {
  return /^iff:\t(.+)$/m.exec(readProcFile(pid, `fdinfo/${ENGINE_DESCRIPTOR.tun}`) ?? "")?.[1];
}

function userOf(pid: number): EngineUser {
  const status = readProcFile(pid, "status") ?? "";
  const id = (field: string) => Number(new RegExp(`^${field}:\\t([0-9]+)`, "m").exec(status)?.[1] ?? 0);
  return { uid: id("Uid"), gid: id("Gid") };
}
