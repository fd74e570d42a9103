import type { GuestBridge } from "../../host/ports/environment.ts";
import type { PolicyLayer } from "../../model/firewall/policy.ts";
import { parsePrefix, prefixContains } from "../../model/prefix.ts";
import type { DesiredState } from "../../model/resources/desired-state.ts";
import type { Finding } from "./finding.ts";

const ANYWHERE = "0.0.0.0/0";

/** Guests that send into the default's tunnel and get no replies (rule S7.2). Pure. */
export function judgeGuests(bridges: readonly GuestBridge[], { resources }: DesiredState): readonly Finding[] {
  const layers = resources.flatMap((one) => (one.kind === "firewall" ? one.spec.layers : []));
  const layer = layers.find(({ killSwitch, allowLan, flows }) => {
    return killSwitch && !allowLan && flows.default.kind === "tunnel";
  });
  if (layer === undefined) return [];
  const direct = directNetworks(layer).flatMap((text) => parsePrefix(text) ?? []);
  const cutOff = bridges.filter(({ address }) => {
    const own = parsePrefix(`${address.split("/")[0]}/32`);
    return own !== undefined && !direct.some((prefix) => prefixContains(prefix, own));
  });
  if (cutOff.length === 0) return [];
  return [
    {
      id: "guests-unanswered",
      severity: "note",
      what: "guests (containers, virtual machines) get no replies: traffic to their network follows the default into the tunnel",
      evidence: cutOff.map(
        ({ device, address }) => `${device} has ${address}, and killSwitch.allowLan is false (S7.2)`,
      ),
      remedy: [
        "set killSwitch.allowLan: true, or add a rule with their network as destinations and via: direct",
        "ports that they publish by NAT stay closed from outside (S7.3)",
      ],
    },
  ];
}

/** Networks that any user may reach directly on any port: forwarded traffic has no user. */
function directNetworks({ flows, allow }: PolicyLayer): readonly string[] {
  const rules = flows.rules.flatMap(({ path, match: { destinations = [ANYWHERE], ...rest } }) =>
    path.kind === "direct" && Object.keys(rest).length === 0 ? destinations : [],
  );
  const exceptions = allow.flatMap(({ direction, prefixes = [ANYWHERE], ...rest }) =>
    direction === "out" && Object.keys(rest).length === 0 ? prefixes : [],
  );
  return [...rules, ...exceptions];
}
