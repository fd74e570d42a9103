import { parseIp } from "../../../model/ip.ts";
import { LINK_ALIAS_PREFIX } from "../../../model/ownership.ts";
import type { FactsPort, Uplink } from "../../ports/facts.ts";
import type { SimulatedMachine } from "../machine.ts";
import { MAIN_TABLE } from "../machine-state.ts";

/** The simulated host's facts. */
export function simulatedFacts(machine: SimulatedMachine): FactsPort {
  return {
    async read({ users, hosts, networks, rates }) {
      machine.checkAlive("facts.read");
      const { live } = machine;
      const uplinks = uplinksOf(machine);
      return {
        os: live.os,
        fingerprint: live.fingerprint,
        capabilities: { ...live.capabilities },
        uplinks,
        ...(networks === true ? { networks: uplinks.map(({ device }) => ({ device, wired: true })) } : {}),
        devices: live.links
          .filter((link) => link.medium !== "loopback" && !(link.alias?.startsWith(LINK_ALIAS_PREFIX) ?? false))
          .map(({ device, mtuBytes }) => ({ name: device, mtuBytes })),
        serviceUid: live.serviceUid,
        uids: Object.fromEntries(users.flatMap((user) => entry(user, ownOf(live.users, user)))),
        addresses: Object.fromEntries(
          hosts.flatMap((host) => entry(host, parseIp(host) === undefined ? ownOf(live.hosts, host) : [host])),
        ),
        resolver: live.resolver.method,
        ...(rates === undefined || live.os !== "linux" ? {} : { rates: { filter: live.capabilities.nftables } }),
      };
    },
  };
}

function uplinksOf(machine: SimulatedMachine): Uplink[] {
  return machine.routes
    .all([MAIN_TABLE])
    .filter(({ destination, type }) => type === "unicast" && (destination === "0.0.0.0/0" || destination === "::/0"))
    .flatMap(({ family, device, gateway, metric }) =>
      device === undefined ? [] : [{ family, device, metric, ...(gateway === undefined ? {} : { gateway }) }],
    )
    .sort((a, b) => a.family - b.family || a.metric - b.metric);
}

function entry<T>(name: string, value: T | undefined): [string, T][] {
  return value === undefined ? [] : [[name, value]];
}

/** Names come from configurations and may be "constructor". */
function ownOf<T>(record: Readonly<Record<string, T>>, name: string): T | undefined {
  return Object.hasOwn(record, name) ? record[name] : undefined;
}
