import type { FirewallObserved, FirewallPolicy } from "../../model/firewall/policy.ts";
import { policyWithDevices } from "../../model/firewall/policy-devices.ts";
import type { FirewallPort } from "../ports/firewall.ts";

/**
 * A packet filter that knows tunnels by awg's device names, over one that knows interfaces: PF matches `utun7`, which is
 * `awg-office` only as long as the holder has it. A device without an interface keeps its own name, which matches nothing;
 * when it gets one, what is loaded counts as damaged until it is loaded again.
 *
 * @param held the interface of each device of ours
 */
export function namedFirewall(filter: FirewallPort, held: () => Promise<ReadonlyMap<string, string>>): FirewallPort {
  return {
    read: async () => observedByDevice(await filter.read(), await held()),
    load: async (policy) => filter.load(policy === null ? null : policyWithDevices(policy, await held())),
    fallBack: (numbers) => filter.fallBack(numbers),
  };
}

function observedByDevice(observed: FirewallObserved, held: ReadonlyMap<string, string>): FirewallObserved {
  const { policy } = observed;
  if (policy === null) return observed;
  const unnamed = devicesOf(policy).filter((device) => held.has(device));
  const damage = unnamed.map((device) => `its rules name ${device}, which is ${held.get(device)} now`);
  const devices = new Map([...held].map(([device, name]) => [name, device]));
  return { ...observed, policy: policyWithDevices(policy, devices), damage: [...observed.damage, ...damage] };
}

function devicesOf({ layers }: FirewallPolicy): string[] {
  return [...new Set(layers.flatMap(({ tunnels }) => tunnels.map(({ device }) => device)))];
}
