import type { PolicyLayer } from "../../model/firewall/policy.ts";
import { parsePrefix, prefixContains } from "../../model/prefix.ts";
import type { DesiredState } from "../../model/resources/desired-state.ts";
import type { InterfaceAddress } from "../../native/linux/rtnetlink/interface-address.codec.ts";
import type { Link } from "../../native/linux/rtnetlink/link.codec.ts";
import type { Route } from "../../native/linux/rtnetlink/route.codec.ts";
import type { Finding } from "./finding.ts";

/** A bridge by which this machine routes for guests. */
export interface GuestBridge {
  readonly device: string;
  /** This machine's IPv4 address there with the length of its prefix, "172.17.0.1/16". */
  readonly address: string;
}

const ANYWHERE = "0.0.0.0/0";

/** Bridges that have ports and an IPv4 address, and by which no default route leads: those are uplinks. Pure. */
export function guestBridges(
  links: readonly Link[],
  addresses: readonly InterfaceAddress[],
  routes: readonly Route[],
): readonly GuestBridge[] {
  const bridges = links.filter(
    ({ kind, index, up }) =>
      kind === "bridge" &&
      up &&
      links.some(({ masterIndex }) => masterIndex === index) &&
      !routes.some(({ destination, oif }) => destination === ANYWHERE && oif === index),
  );
  return bridges.flatMap(({ index, name: device }) =>
    addresses
      .filter(({ family, linkIndex }) => family === 4 && linkIndex === index)
      .map(({ address }) => ({ device, address })),
  );
}

/** Guests that a policy lets send into the default's tunnel and gives no answers (rule S7.2). Pure. */
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
      what: "guests (containers, virtual machines) get no answers: what goes to their network takes the way of the default, into the tunnel",
      evidence: cutOff.map(
        ({ device, address }) => `${device} has ${address}, and killSwitch.allowLan is false (S7.2)`,
      ),
      remedy: [
        "say killSwitch.allowLan: true, or a rule with their network as destinations and via: direct",
        "what they publish by address translation stays closed from outside (S7.3)",
      ],
    },
  ];
}

/** What goes directly whoever sends it to whatever port: what goes on to guests has neither a user nor a known port. */
function directNetworks({ flows, allow }: PolicyLayer): readonly string[] {
  const rules = flows.rules.flatMap(({ path, match: { destinations = [ANYWHERE], ...rest } }) =>
    path.kind === "direct" && Object.keys(rest).length === 0 ? destinations : [],
  );
  const exceptions = allow.flatMap(({ direction, prefixes = [ANYWHERE], ...rest }) =>
    direction === "out" && Object.keys(rest).length === 0 ? prefixes : [],
  );
  return [...rules, ...exceptions];
}
