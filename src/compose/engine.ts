import { type HandedDown, runEngine } from "../dataplane/run-engine.ts";
import { ENGINE_AWAITS, ENGINE_USER } from "../keeper/engine-program.ts";
import { deviceBehind, ENGINE_DESCRIPTOR, ENGINE_TITLE } from "../keeper/orphan-engine.ts";
import { AwgError } from "../model/error.ts";
import { disableInspection } from "../native/disable-inspection.ts";
import { forbidDumps } from "../native/linux/process/credentials.ffi.ts";
import { moveDescriptor, receiveDescriptors } from "../native/linux/process/unix-socket.ffi.ts";
import { openRouteNetlink } from "../native/linux/rtnetlink/route-netlink.ffi.ts";
import { writeLog } from "../native/write-log.ts";

const LOOK_MS = 5000;
const USUAL_MTU = 1420;
/** As poll(2) takes it. */
const FOREVER = -1;
/** File descriptors of the standard output streams. */
const STANDARD_OUTPUTS = [1, 2] as const;

/**
 * Runs the embedded engine of a device in this process, with the descriptors and the identity that the keeper hands down
 * in the environment, as wireguard-go takes them.
 *
 * @returns which engine ended and why; undefined: a spare that was not needed
 * @throws AwgError("usage") when this process was not started by a keeper
 */
export async function runEngineHere(device: string, environment: NodeJS.ProcessEnv): Promise<string | undefined> {
  disableInspection();
  const how = process.platform === "darwin" ? await onDarwin(device, environment) : onLinux(device, environment);
  if (how === undefined) {
    throw new AwgError("usage", "awg engine is started by the keeper only, which hands it its descriptors");
  }
  const report = (line: string) => writeLog(`${line}\n`);
  return runEngine({ ...how, device, program: process.argv[1] ?? "awg", report });
}

async function onDarwin(device: string, environment: NodeJS.ProcessEnv): Promise<HandedDown | undefined> {
  const { darwinEngine } = await import("./darwin-engine.ts");
  return darwinEngine(device, environment);
}

function onLinux(device: string, environment: NodeJS.ProcessEnv): HandedDown | undefined {
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
