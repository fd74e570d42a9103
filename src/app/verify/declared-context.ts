import { LOOPBACK_DEVICE } from "../../model/firewall/packet.ts";
import { MAIN_TABLE } from "../../resources/routes/route-table.ts";
import type { KnownRoute, KnownRouting } from "../../verify/routing/routing.ts";
import type { HostParts } from "../parts.ts";

/** Routing and devices of the host, against which a packet policy is verified. */
export interface PolicyContext {
  readonly routing: KnownRouting;
  /** Devices, those first that are not ours; loopback left out. */
  readonly devices: readonly string[];
  /** Addresses of devices that are not ours, without length. */
  readonly sources: readonly string[];
}

/** Preference of the rule by which Linux looks the main table up, for systems that look nothing else up. */
const MAIN_PREFERENCE = 32_766;
/** macOS's loopback, by which it has routes to its own addresses. */
const MAC_LOOPBACK = "lo0";

/** Reads devices, routes of all tables and policy rules. */
export async function readPolicyContext(parts: HostParts): Promise<PolicyContext> {
  const { host } = parts;
  const isLoopback = (device: string) => device === LOOPBACK_DEVICE || device === MAC_LOOPBACK;
  const links = (await host.links.read()).filter(({ device }) => !isLoopback(device));
  const ours = links.filter(({ tunnel }) => tunnel !== undefined);
  const others = links.filter(({ tunnel }) => tunnel === undefined);
  return {
    routing: await readRouting(parts),
    devices: [...others, ...ours].map(({ device }) => device),
    sources: others.flatMap(({ addresses }) => addresses.map((address) => address.split("/", 1).join(""))),
  };
}

async function readRouting({ host }: HostParts): Promise<KnownRouting> {
  const [rules, routes] = [await host.routes.readRules(), await host.routes.readRoutes()];
  if ((await host.facts.read({ users: [], hosts: [] })).os !== "darwin") return { rules, routes };
  return {
    rules: ([4, 6] as const).map((family) => ({
      rule: { family, preference: MAIN_PREFERENCE, match: {}, table: MAIN_TABLE },
    })),
    routes: routes.map((route): KnownRoute => (route.device === MAC_LOOPBACK ? { ...route, type: "local" } : route)),
    isFlat: true,
  };
}
