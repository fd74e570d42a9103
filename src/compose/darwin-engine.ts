import type { HandedDown } from "../dataplane/run-engine.ts";
import { uplinksOf } from "../host/darwin/facts/uplinks.ts";
import { readInterfaces } from "../host/darwin/links/interfaces.ts";
import { dumpRoutes } from "../host/darwin/routes/route-socket.ts";
import { ENGINE_SOCKET } from "../keeper/darwin/engine-launch.ts";
import type { Family } from "../model/ip.ts";
import { forbidDumps } from "../native/darwin/forbid-dumps.ts";
import { openLibSystem } from "../native/darwin/libsystem.ffi.ts";
import type { LibSystem } from "../native/darwin/libsystem.ts";
import type { BoundInterface } from "../native/packet-system.ts";

/** How soon the sockets follow the host from one network to another. */
const LOOK_MS = 1000;
const USUAL_MTU = 1420;

/**
 * The descriptors that a keeper on a Mac hands down to awg's own engine. The engine makes its UAPI socket itself, as
 * wireguard-go does there.
 *
 * @param open gives the system's library; another one in tests
 */
export function darwinEngine(
  device: string,
  environment: NodeJS.ProcessEnv,
  open: () => LibSystem = openLibSystem,
): HandedDown | undefined {
  const tunFd = Number(environment["WG_TUN_FD"] ?? Number.NaN);
  const path = environment[ENGINE_SOCKET];
  if (!Number.isInteger(tunFd) || path === undefined) return undefined;
  process.umask(0o077);
  const system = open();
  forbidDumps(system);
  return { tunFd, uapi: { path }, hostSettings: () => readHostSettings(system, device), lookMs: LOOK_MS };
}

/**
 * The utun's mtu, and the physical interface of each family's default route. The tunnel's sockets are bound to it, so
 * that their packets never enter a tunnel. A family without a default route is bound to none.
 */
export function readHostSettings(system: LibSystem, device: string): ReturnType<HandedDown["hostSettings"]> {
  const interfaces = readInterfaces(system);
  const uplinks = uplinksOf(dumpRoutes(system), new Map(interfaces.map(({ index, name }) => [index, name])));
  const boundOf = (family: Family): BoundInterface | undefined => {
    const uplink = uplinks.find((one) => one.family === family);
    const found = interfaces.find(({ name }) => name === uplink?.device);
    return found === undefined ? undefined : { index: found.index, mtuBytes: found.mtuBytes };
  };
  const [four, six] = [boundOf(4), boundOf(6)];
  return {
    mtuBytes: interfaces.find(({ name }) => name === device)?.mtuBytes ?? USUAL_MTU,
    boundTo: { ...(four === undefined ? {} : { four }), ...(six === undefined ? {} : { six }) },
  };
}
