import { renderNft } from "../../host/linux/firewall/render-nft.ts";
import { readDetours } from "../../host/linux/verify/read-detours.ts";
import { readDevices, readForbiddenFlows, readRuleset } from "../../host/linux/verify/read-ruleset.ts";
import { tableOfRendered } from "../../host/linux/verify/rule-table.ts";
import { tracePacket } from "../../host/linux/verify/trace-packet.ts";
import { verifyRuleset } from "../../host/linux/verify/verify-ruleset.ts";
import type { FirewallPolicy } from "../../model/firewall/policy.ts";
import { openRouteNetlink } from "../../native/linux/rtnetlink/route-netlink.ffi.ts";
import type { Inspection } from "./inspection.ts";

const NO_POLICY: FirewallPolicy = { steering: { rules: [], default: { kind: "direct" } }, layers: [] };

/** The kernel of this network namespace. */
export function linuxInspection(): Inspection {
  return {
    verifyLoaded: (policy) => verifyRuleset({ policy, ...readRuleset(policy), detours: readDetours() }),
    verifyRendered: (policy) => {
      const devices = readDevices(policy);
      const rendered = renderNft(policy, { devices: devices.framed, identity: "", ownedTables: false });
      return verifyRuleset({ policy, tables: rendered.map(tableOfRendered), ...devices });
    },
    forbiddenFlows: readForbiddenFlows,
    tracePacket: (point) => tracePacket(readRuleset(NO_POLICY), point),
    decideRoute: (question) => {
      using netlink = openRouteNetlink();
      const decision = netlink.decideRoute(question);
      if ("refused" in decision) return `(${decision.refused})`;
      if (decision.route.type === "local") return "(local)";
      const index = decision.route.oif ?? decision.route.nextHops?.[0]?.oif;
      return index === undefined ? `(${decision.route.type})` : (netlink.link(index)?.name ?? `(device ${index})`);
    },
  };
}
