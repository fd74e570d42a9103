import type { HostFacts } from "../../host/ports/facts.ts";
import type { FirewallPolicy } from "../../model/firewall/policy.ts";
import type { ResourceOf } from "../../model/resource.ts";
import type { PinnedRoute } from "../../model/resources/routes.ts";
import { MAIN_TABLE } from "../routes/route-table.ts";
import type { ExpandContext } from "./expansion.ts";
import { flatRouting } from "./flat/flat-routing.ts";
import { familyOfText } from "./tunnels/place-tunnels.ts";

/**
 * The routes of macOS, which selects a route by destination alone: what goes into each tunnel, and what is pinned to
 * the physical gateway. A rule by user, port or protocol that needs another path than the default is unsupported. There
 * are no guards: a route into a utun disappears with it, and the packet filter drops what would then leave elsewhere.
 */
export function darwinRoutes(
  policy: FirewallPolicy,
  { tunnels, facts, unsupported }: ExpandContext,
): ResourceOf<"routes">[] {
  const { into, direct, beyond } = flatRouting(policy, tunnels);
  for (const path of beyond) {
    unsupported.push({
      path,
      message: "macOS routes by destination only; a rule with another path than the default must name destinations",
    });
  }
  const routes = tunnels.flatMap(({ key, device }): ResourceOf<"routes">[] => {
    const destinations = into.get(device) ?? [];
    // A tunnel without destinations leaves nothing in the table that could be found again.
    if (destinations.length === 0) return [];
    const spec = { table: MAIN_TABLE, device, destinations, guards: [], rules: [] };
    return [{ kind: "routes", key: `routes/${key}`, spec }];
  });
  const pins = direct.map((destination) => pinned(destination, facts));
  const spec = { destinations: [], guards: [], rules: [], pins };
  return pins.length === 0 ? routes : [{ kind: "routes", key: "routes/policy", spec }, ...routes];
}

/** By the best uplink of its family, read again for every plan; unreachable while there is none. */
function pinned(destination: string, { uplinks }: HostFacts): PinnedRoute {
  const family = familyOfText(destination);
  const [best] = uplinks.filter((one) => one.family === family).toSorted((a, b) => a.metric - b.metric);
  if (best === undefined) return { destination };
  const { device, gateway } = best;
  return { destination, device, ...(gateway === undefined ? {} : { gateway }) };
}
