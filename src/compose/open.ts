import { statSync } from "node:fs";
import type { HostOptions } from "../app/host-options.ts";
import { OpenHost } from "../app/open-host.ts";
import type { HostParts } from "../app/parts.ts";
import { AwgError } from "../model/error.ts";
import { isCode } from "../state/state-folder.ts";

/** Opens the host that the options name; loads only the code of that kind of host. */
export async function openHost(options: HostOptions): Promise<OpenHost> {
  const parts = await openParts(options);
  const { onWait, waitsForOthers = false } = options;
  const reporting = onWait === undefined ? parts : { ...parts, onWait };
  if (!waitsForOthers) return new OpenHost(reporting, options);
  const { waitingLock } = await import("../app/waiting-lock.ts");
  return new OpenHost({ ...reporting, lock: waitingLock(reporting) }, options);
}

/**
 * What use cases need from that host.
 *
 * @throws AwgError usage for a `--state-dir` that is no folder, journal for such a default: nothing is read or changed
 */
export async function openParts(options: HostOptions): Promise<HostParts> {
  const parts = await partsOf(options);
  if (!isNoFolder(parts.stateDir)) return parts;
  const isGiven = options.stateDir !== undefined;
  throw new AwgError(
    isGiven ? "usage" : "journal",
    `${isGiven ? "--state-dir" : "the state folder"} ${parts.stateDir} is not a folder`,
    { facts: { path: parts.stateDir }, remedy: isGiven ? "name a folder, or leave it out" : "move the file away" },
  );
}

/** Whether another kind of file has this path, or a folder above it is one. A missing folder is made when it is needed. */
function isNoFolder(path: string): boolean {
  try {
    return !statSync(path).isDirectory();
  } catch (error) {
    return isCode(error, "ENOTDIR");
  }
}

async function partsOf(options: HostOptions): Promise<HostParts> {
  if (options.host.kind === "simulated") return (await import("./simulated-parts.ts")).simulatedParts(options);
  if (process.platform === "darwin") return (await import("./darwin-parts.ts")).darwinParts(options);
  return (await import("./linux-parts.ts")).linuxParts(options);
}
