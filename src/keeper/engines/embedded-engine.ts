import type { HandedDown } from "../../dataplane/run-engine.ts";
import { forbidDumps } from "../../native/linux/process/credentials.ffi.ts";
import { moveDescriptor, receiveDescriptors } from "../../native/linux/process/unix-socket.ffi.ts";
import { openRouteNetlink } from "../../native/linux/rtnetlink/route-netlink.ffi.ts";
import { ENGINE_AWAITS, ENGINE_USER } from "./engine-program.ts";
import { deviceBehind, ENGINE_DESCRIPTOR, ENGINE_TITLE } from "./orphan-engine.ts";

const LOOK_MS = 5000;
const USUAL_MTU = 1420;
/** As poll(2) takes it. */
const FOREVER = -1;
/** File descriptors of the standard output streams. */
const STANDARD_OUTPUTS = [1, 2] as const;

/**
 * What a keeper on Linux hands down to the embedded engine in the environment, as wireguard-go takes it; undefined when no
 * keeper started this process. No other program may read the engine's memory from now on.
 */
export function linuxHandedDown(device: string, environment: NodeJS.ProcessEnv): HandedDown | undefined {
  const [tunFd = Number.NaN, uapiFd = Number.NaN] = [environment["WG_TUN_FD"], environment["WG_UAPI_FD"]].map(Number);
  const [uid, gid] = (environment[ENGINE_USER] ?? "").split(":").map(Number);
  if (!Number.isInteger(tunFd) || !Number.isInteger(uapiFd) || uid === undefined || gid === undefined) return undefined;
  forbidDumps();
  const user = uid === 0 ? {} : { user: { uid, gid } };
  let name = device;
  const awaitDescriptors = () => {
    const given = receiveDevice();
    if (given === undefined) return undefined;
    if (given !== name) process.title = `${ENGINE_TITLE} ${given}`;
    name = given;
    return name;
  };
  return {
    tunFd,
    uapi: { fd: uapiFd },
    hostSettings: () => ({ mtuBytes: readMtu(name), ...user }),
    lookMs: LOOK_MS,
    ...(environment[ENGINE_AWAITS] === undefined ? {} : { awaitDescriptors }),
  };
}

/**
 * Holds up this thread until the keeper hands over a device, the UAPI socket and the device's log; gives the device's name,
 * undefined when the keeper ended or needs no engine any more.
 */
function receiveDevice(): string | undefined {
  const { tun, uapi } = ENGINE_DESCRIPTOR;
  const [tunFd, uapiFd, log] = receiveDescriptors(tun, 1, FOREVER).descriptors;
  if (tunFd === undefined || uapiFd === undefined) return undefined;
  if (log !== undefined) moveDescriptor(log, ...STANDARD_OUTPUTS);
  moveDescriptor(tunFd, tun);
  moveDescriptor(uapiFd, uapi);
  return deviceBehind(process.pid);
}

/** The device's MTU; WireGuard's usual one while there is no device. */
function readMtu(device: string): number {
  using netlink = openRouteNetlink();
  return netlink.link(device)?.mtu ?? USUAL_MTU;
}
