import type { HostOptions } from "../app/host-options.ts";
import { OpenHost } from "../app/open-host.ts";
import type { HostParts } from "../app/parts.ts";

/** Opens the host that the options name; loads only the code of that kind of host. */
export async function openHost(options: HostOptions): Promise<OpenHost> {
  return new OpenHost(await openParts(options), options);
}

/** What use cases need from that host. */
export async function openParts(options: HostOptions): Promise<HostParts> {
  if (options.host.kind === "simulated") return (await import("./simulated-parts.ts")).simulatedParts(options);
  if (process.platform === "darwin") return (await import("./darwin-parts.ts")).darwinParts(options);
  return (await import("./linux-parts.ts")).linuxParts(options);
}
