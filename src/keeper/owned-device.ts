import { AwgError } from "../model/error.ts";
import { LINK_ALIAS_PREFIX } from "../model/ownership.ts";
import { hasErrno } from "../native/linux/errno.ts";
import { takeDescriptor } from "../native/linux/process/take-descriptor.ffi.ts";
import { openRouteNetlink } from "../native/linux/rtnetlink/route-netlink.ffi.ts";
import { adoptTun, openTun, type TunDevice } from "../native/linux/tun.ffi.ts";
import { Engine, type EngineKind } from "./engines/engine.ts";
import { pruneEngineLogs } from "./engines/engine-logs.ts";
import { expectsPacketInfo } from "./engines/engine-program.ts";
import type { OrphanEngine } from "./engines/orphan-engine.ts";
import type { SpareEngines } from "./engines/spare-engines.ts";
import { endProcess } from "./process-identity.ts";

const FREE_LOOKS = 50;
const FREE_LOOK_MS = 20;

/** A TUN device, by a descriptor that the keeper holds, with its engine if one was requested. */
export interface OwnedDevice {
  tun: TunDevice;
  engine: Engine | undefined;
}

/** Where a device's engine logs and reports. */
export interface DeviceContext {
  readonly folder: string;
  readonly report: (line: string) => void;
  readonly spares?: SpareEngines;
}

/** The log of a device's engine. */
export function engineLog({ folder }: Pick<DeviceContext, "folder">, device: string): string {
  return `${folder}/engine-${device}.log`;
}

/**
 * Creates a persistent TUN device, or attaches to the one an earlier keeper left. The alias is set before it becomes
 * persistent, so a crash in between leaves nothing. Throws as `openTun`.
 */
export function openDevice(device: string, alias?: string): OwnedDevice {
  const tun = openTun({ name: device, nonBlocking: true });
  try {
    if (alias !== undefined) setAlias(device, alias);
    tun.setPersistent(true);
    return { tun, engine: undefined };
  } catch (error) {
    tun[Symbol.dispose]();
    throw error;
  }
}

/**
 * Another program may have deleted the device and created one of the same name; setting a flag fails on a dead
 * descriptor.
 */
export function stillExists({ tun }: OwnedDevice): boolean {
  using netlink = openRouteNetlink();
  if (netlink.link(tun.name) === undefined) return false;
  try {
    tun.setPersistent(true);
    return true;
  } catch (error) {
    if (error instanceof AwgError) return false;
    throw error;
  }
}

/**
 * Opens the device again with the packet header that the next engine expects. The device is persistent and only loses
 * its carrier for a moment. No engine may hold it.
 */
function reopenDevice(held: OwnedDevice, packetInfo: boolean, vnetHeader: boolean): void {
  if (held.tun.packetInfo === packetInfo && held.tun.vnetHeader === vnetHeader) return;
  const { name } = held.tun;
  held.tun[Symbol.dispose]();
  held.tun = openWhenFree(() => openTun({ name, nonBlocking: true, packetInfo, vnetHeader }));
}

/** The kernel may release an ended engine's descriptor a moment after the process is gone. */
function openWhenFree(open: () => TunDevice): TunDevice {
  for (let look = 1; ; look += 1) {
    try {
      return open();
    } catch (error) {
      if (look === FREE_LOOKS || !hasErrno(error, "EBUSY")) throw error;
      Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, FREE_LOOK_MS);
    }
  }
}

function setAlias(device: string, alias: string): void {
  using netlink = openRouteNetlink();
  const link = netlink.link(device);
  if (link !== undefined && link.alias !== alias) netlink.changeLink(link.index, { alias });
}

/**
 * Adopts the device of an engine after its keeper died. The descriptor is copied from the running engine, so that the
 * tunnel keeps working. If that is forbidden, the engine is ended and the persistent device opened again.
 */
export async function adoptOrphan(orphan: OrphanEngine, around: DeviceContext): Promise<OwnedDevice> {
  const tun = adoptDescriptor(orphan);
  if (tun === undefined) {
    await endProcess(orphan);
    return openDevice(orphan.device);
  }
  const held: OwnedDevice = { tun, engine: undefined };
  held.engine = newEngine(held, around, orphan, orphan);
  return held;
}

/**
 * Adopts the device of an engine that another program started. A copy of its descriptor makes the device persistent;
 * the engine keeps running and is watched.
 *
 * @throws AwgError("permission") where the engine's descriptors may not be copied.
 */
export function adoptForeign(engine: OrphanEngine, alias: string, around: DeviceContext): OwnedDevice {
  const tun = adoptTun(takeDescriptor(engine.pid, engine.descriptor));
  try {
    setAlias(engine.device, alias);
    tun.setPersistent(true);
    const held: OwnedDevice = { tun, engine: undefined };
    held.engine = newEngine(held, around, engine, engine);
    return held;
  } catch (error) {
    tun[Symbol.dispose]();
    throw error;
  }
}

/** Releases an adopted device: it lasts as long as its engine, which another program started. */
export function releaseDevice({ tun, engine }: OwnedDevice): void {
  engine?.release();
  setAlias(tun.name, "");
  tun.setPersistent(false);
  tun[Symbol.dispose]();
}

function adoptDescriptor(orphan: OrphanEngine): TunDevice | undefined {
  try {
    const tun = adoptTun(takeDescriptor(orphan.pid, orphan.descriptor));
    if (tun.name === orphan.device) return tun;
    tun[Symbol.dispose]();
    return undefined;
  } catch (error) {
    if (error instanceof AwgError) return undefined;
    throw error;
  }
}

/** Creates the engine object of a device; starts nothing. */
export function newEngine(
  held: OwnedDevice,
  { folder, report, spares }: DeviceContext,
  { kind, protocol }: EngineKind,
  orphan?: OrphanEngine,
): Engine {
  const device = held.tun.name;
  const openTun = (wanted: EngineKind) => {
    if (!stillExists(held))
      throw new AwgError("host", `another program deleted the device ${device}`, { remedy: "apply again" });
    const isOurs = wanted.kind === "embedded";
    reopenDevice(held, !isOurs && expectsPacketInfo(wanted.protocol), isOurs);
    return held.tun.fd;
  };
  const spare = spares === undefined ? {} : { spare: spares.take.bind(spares) };
  forgetOldLogs(folder);
  const surroundings = { device, openTun, logPath: engineLog({ folder }, device), folder, report, ...spare };
  return new Engine(surroundings, { kind, protocol }, orphan);
}

function forgetOldLogs(folder: string): void {
  using netlink = openRouteNetlink();
  pruneEngineLogs(folder, (device) => netlink.link(device) !== undefined);
}

/** Ends the engine and removes the device with its addresses and routes. */
export async function dropDevice({ tun, engine }: OwnedDevice): Promise<void> {
  await engine?.stop();
  try {
    tun.setPersistent(false);
  } catch (error) {
    // The device was deleted meanwhile, which counts as success.
    if (!hasErrno(error, "EBADFD")) throw error;
  } finally {
    tun[Symbol.dispose]();
  }
}

/** TUN devices with our alias. */
export function ourTunDevices(): { readonly name: string; readonly alias: string }[] {
  using netlink = openRouteNetlink();
  return netlink
    .links()
    .flatMap(({ name, kind, alias }) =>
      kind === "tun" && alias?.startsWith(LINK_ALIAS_PREFIX) === true ? [{ name, alias }] : [],
    );
}
