import { existsSync } from "node:fs";
import { setFlagsFromString } from "node:v8";
import { messageOf } from "../model/error.ts";
import { bytesToBase64 } from "../uapi/key-text.ts";
import type { PlaneEvent } from "./contract.ts";
import { type DataPlaneOptions, startDataPlane } from "./data-plane.ts";
import { serveUapi, type UapiPlace } from "./uapi/uapi-server.ts";
import { UapiSession } from "./uapi/uapi-session.ts";
import type { HostSettings } from "./uapi/uapi-settings.ts";

export interface EngineProcess extends Pick<DataPlaneOptions, "program" | "system"> {
  readonly device: string;
  /** An open descriptor of the TUN device. */
  readonly tunFd: number;
  /** Where the UAPI is served. If a socket we created is removed, the engine ends, as wireguard-go does. */
  readonly uapi: UapiPlace;
  /** Settings that UAPI does not carry, read again for each change of the device, */
  readonly hostSettings: () => HostSettings;
  /** and at this interval for changes by others. */
  readonly lookMs: number;
  /**
   * For a spare engine: waits until the descriptors arrive and returns their device's name; undefined: they will not
   * come.
   */
  readonly awaitDescriptors?: () => string | undefined;
  /** A line for the log. */
  readonly report: (line: string) => void;
}

/**
 * Options of V8 that shorten the packet thread's collections: from 33 ms to 1.5 while each of 10,000 peers gets another
 * address (measured, node 24.21). Without the first, no young objects are collected during a marking, which lasts until
 * the thread has allocated as much as there is to mark; all of them are then moved at once. Without the second, objects
 * of one change are kept as if they lived as long as peers. An unknown option is ignored.
 */
const COLLECTOR_OPTIONS = ["--no-separate-gc-phases", "--no-allocation-site-pretenuring"];

/** The part of an engine process that its keeper hands down. */
export type HandedDown = Pick<EngineProcess, "tunFd" | "uapi" | "hostSettings" | "lookMs" | "awaitDescriptors">;

/**
 * Runs the embedded engine as a process: one tunnel, its packets on a separate thread, its UAPI on this one. It takes
 * its descriptors as wireguard-go does, so that the keeper treats both alike.
 *
 * @returns which engine ended and why: its device or its socket is gone, or its packet thread failed. Undefined for an
 * unused spare
 */
export async function runEngine(engine: EngineProcess): Promise<string | undefined> {
  for (const option of COLLECTOR_OPTIONS) setFlagsFromString(option);
  const { device: named, tunFd, uapi, report, ...run } = engine;
  const { promise: end, resolve } = Promise.withResolvers<string>();
  const onEvent = (event: PlaneEvent) => {
    report(eventText(event));
    if (event.kind === "crashed") resolve(`the packet thread ended: ${event.reason}`);
    if (event.kind === "device-gone") resolve(`its device is gone (${event.errno})`);
  };
  const { program, system, hostSettings, lookMs, awaitDescriptors } = run;
  const plane = await startDataPlane({
    onEvent,
    ...(program === undefined ? {} : { program }),
    ...(system === undefined ? {} : { system }),
  });
  const device = awaitDescriptors === undefined ? named : awaitDescriptors();
  if (device === undefined) {
    await plane.stop();
    return undefined;
  }
  const session = new UapiSession({ device, tunFd, plane, hostSettings, report });
  const server = await serveUapi(uapi, session);
  let last = JSON.stringify(hostSettings());
  const look = async () => {
    if ("path" in uapi && !existsSync(uapi.path)) resolve(`its socket ${uapi.path} was removed`);
    const now = JSON.stringify(hostSettings());
    if (now === last) return;
    last = now;
    await session.refresh();
  };
  const timer = setInterval(() => look().catch((error: unknown) => report(messageOf(error))), lookMs);
  const reason = await end;
  clearInterval(timer);
  server.close();
  await plane.stop();
  return `the embedded engine of ${device} ended: ${reason}`;
}

/** Public keys are shortened as wireguard-go shortens them. */
function eventText(event: PlaneEvent): string {
  if (event.kind === "suspended") {
    const { milliseconds, sessions, tooOld } = event;
    return `paused for ${Math.round(milliseconds / 1000)} s, as in a sleep: ${tooOld} of ${sessions} sessions too old`;
  }
  const peer = "publicKey" in event ? ` peer ${bytesToBase64(event.publicKey).slice(0, 4)}…` : "";
  const errno = "errno" in event ? ` ${event.errno}` : "";
  return `${event.kind}${peer}${errno}`;
}
