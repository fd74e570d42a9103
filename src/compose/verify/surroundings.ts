import { LOOPBACK_DEVICE } from "../../model/firewall/packet.ts";
import type { KnownRouting } from "../../model/verify/routing.ts";
import type { SessionParts } from "../session-parts.ts";

/** What stands around a packet policy on a machine. */
export interface Surroundings {
  readonly routing: KnownRouting;
  /** Devices, those first that are not ours; loopback left out. */
  readonly devices: readonly string[];
  /** Addresses of devices that are not ours, without length. */
  readonly sources: readonly string[];
}

/** Reads devices, routes of all tables and policy rules. */
export async function readSurroundings({ host }: SessionParts): Promise<Surroundings> {
  const links = (await host.links.read()).filter(({ device }) => device !== LOOPBACK_DEVICE);
  const ours = links.filter(({ tunnel }) => tunnel !== undefined);
  const others = links.filter(({ tunnel }) => tunnel === undefined);
  const [rules, routes] = [await host.routes.readRules(), await host.routes.readRoutes()];
  return {
    routing: { rules, routes },
    devices: [...others, ...ours].map(({ device }) => device),
    sources: others.flatMap(({ addresses }) => addresses.map((address) => address.split("/", 1).join(""))),
  };
}
