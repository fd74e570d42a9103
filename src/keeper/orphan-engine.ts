import { ENGINE_PROGRAMS } from "../model/engine-program.ts";
import type { EngineUser, EnsureEngine } from "../model/keeper-protocol.ts";
import {
  listPids,
  namespaceInodeOf,
  type ProcessIdentity,
  readProcessIdentity,
  readProcFile,
} from "./process-identity.ts";

/** The descriptors an engine is given; it learns them from its environment. */
export const ENGINE_DESCRIPTOR = { tun: 3, uapi: 4 } as const;

/** Set in the environment of each engine, so that a later keeper knows it for one of ours. */
export const ENGINE_SIGN = "AWG_KEEPER_ENGINE";

/** An engine that a keeper started and then died. */
export interface OrphanEngine extends ProcessIdentity {
  readonly device: string;
  readonly protocol: EnsureEngine["protocol"];
  readonly user: EngineUser;
}

/** Engines of this network namespace that a keeper of ours started; the caller knows which of them it holds itself. */
export function findEngines(): OrphanEngine[] {
  const namespace = namespaceInodeOf("self");
  const found: OrphanEngine[] = [];
  for (const pid of listPids()) {
    const protocol = protocolOf(pid);
    const identity = protocol === undefined ? undefined : readProcessIdentity(pid);
    if (protocol === undefined || identity === undefined) continue;
    const device = deviceBehind(pid);
    if (device === undefined || !hasOurSign(pid) || namespaceInodeOf(pid) !== namespace) continue;
    found.push({ ...identity, device, protocol, user: userOf(pid) });
  }
  return found;
}

function protocolOf(pid: number): OrphanEngine["protocol"] | undefined {
  const name = readProcFile(pid, "comm")?.trim() ?? "";
  for (const protocol of ["wireguard", "amneziawg"] as const) {
    if (ENGINE_PROGRAMS[protocol].paths.some((path) => path.endsWith(`/${name}`))) return protocol;
  }
  return undefined;
}

/** A TUN descriptor tells its device in fdinfo (drivers/net/tun.c, tun_chr_show_fdinfo). */
function deviceBehind(pid: number): string | undefined {
  return /^iff:\t(.+)$/m.exec(readProcFile(pid, `fdinfo/${ENGINE_DESCRIPTOR.tun}`) ?? "")?.[1];
}

function userOf(pid: number): EngineUser {
  const status = readProcFile(pid, "status") ?? "";
  const id = (field: string) => Number(new RegExp(`^${field}:\\t([0-9]+)`, "m").exec(status)?.[1] ?? 0);
  return { uid: id("Uid"), gid: id("Gid") };
}

function hasOurSign(pid: number): boolean {
  return (readProcFile(pid, "environ") ?? "").split("\0").includes(`${ENGINE_SIGN}=1`);
}
