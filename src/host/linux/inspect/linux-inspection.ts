import type { FirewallPolicy } from "../../../model/firewall/policy.ts";
import { openRouteNetlink } from "../../../native/linux/rtnetlink/route-netlink.ffi.ts";
import { tableOfRendered } from "../../../verify/nft/rule-table.ts";
import { tracePacket } from "../../../verify/nft/trace-packet.ts";
import { verifyRuleset } from "../../../verify/nft/verify-ruleset.ts";
import type { Inspection } from "../../ports/inspection.ts";
import { renderNft } from "../nft/render/render-nft.ts";
import { setsHolding } from "./name-sets.ts";
import { readDevices, readForbiddenFlows, readRuleset } from "./read-ruleset.ts";
import { readTrafficHooks } from "./read-traffic-hooks.ts";

const NO_POLICY: FirewallPolicy = { steering: { rules: [], default: { kind: "direct" } }, layers: [] };

/** The kernel of this network namespace. */
export function linuxInspection(): Inspection {
  return {
    verifyLoaded: (policy) => verifyRuleset({ policy, ...readRuleset(policy), trafficHooks: readTrafficHooks() }),
    verifyRendered: (policy) => {
      const devices = readDevices(policy);
      const rendered = renderNft(policy, { devices: devices.framed, identity: "", ownedTables: false });
      return verifyRuleset({ policy, tables: rendered.map(tableOfRendered), ...devices });
    },
    forbiddenFlows: readForbiddenFlows,
    setsHolding,
    tracePacket: (point) => tracePacket(readRuleset(NO_POLICY), point),
    decideRoute: (question) => {
      using netlink = openRouteNetlink();
      const decision = netlink.decideRoute(question);
      if ("refused" in decision) return { leadsTo: `(${decision.refused})`, byRouter: false };
      const { type, oif, gateway, nextHops } = decision.route;
      const byRouter = (gateway ?? nextHops?.[0]?.gateway) !== undefined;
      if (type === "local") return { leadsTo: "(local)", byRouter };
      const index = oif ?? nextHops?.[0]?.oif;
      return {
        leadsTo: index === undefined ? `(${type})` : (netlink.link(index)?.name ?? `(device ${index})`),
        byRouter,
      };
    },
  };
}
