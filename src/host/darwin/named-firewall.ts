import { mkdirSync, readFileSync, renameSync, writeFileSync } from "node:fs";
import { dirname } from "node:path";
import type { FirewallObserved, FirewallPolicy } from "../../model/firewall/policy.ts";
import { policyWithDevices } from "../../model/firewall/policy-devices.ts";
import type { FirewallPort } from "../ports/firewall.ts";
import type { LinkPort } from "../ports/links.ts";

type Names = ReadonlyMap<string, string>;

/** The dependencies of the named packet filter. */
export interface NamedFirewallDeps {
  /** The filter that uses interface names. */
  readonly filter: FirewallPort;
  /** The interface of each device of ours. */
  readonly held: () => Promise<Names>;
  /** The file with the names by which the loaded policy was rendered; removed at reboot. */
  readonly namesFile: string;
}

/**
 * A packet filter with awg's device names over one with interface names: PF matches `utun7`, which is `awg-office` only
 * while the holder has it. A device without an interface keeps its own name, which matches nothing. If a device's
 * interface differs from the rules, they count as damaged until they are loaded again.
 */
export function namedFirewall(deps: NamedFirewallDeps): FirewallPort {
  const { filter, held } = deps;
  return {
    read: async () => observedByDevice(await filter.read(), await held(), readNames(deps)),
    load: async (policy) => (policy === null ? filter.load(null) : loadNamed(deps, policy)),
    fallBack: (switches) => filter.fallBack(switches),
  };
}

/** Links that load the packet filter again when a new interface has another name. */
export function linksWithFirewall(firewall: FirewallPort, links: LinkPort, deps: NamedFirewallDeps): LinkPort {
  return {
    ...links,
    ensure: async (spec) => {
      await links.ensure(spec);
      const names = readNames(deps);
      if (names.get(spec.device) === (await deps.held()).get(spec.device)) return;
      const { policy } = await firewall.read();
      if (policy !== null && devicesOf(policy).includes(spec.device)) await firewall.load(policy);
    },
  };
}

async function loadNamed(deps: NamedFirewallDeps, policy: FirewallPolicy): Promise<void> {
  const held = await deps.held();
  const names = new Map(devicesOf(policy).map((device) => [device, held.get(device) ?? device]));
  writeNames(deps, names);
  await deps.filter.load(policyWithDevices(policy, names));
}

function observedByDevice(observed: FirewallObserved, held: Names, names: Names): FirewallObserved {
  const { policy } = observed;
  if (policy === null) return observed;
  const devices = new Map([...names].map(([device, name]) => [name, device]));
  const moved = [...names].filter(([device, name]) => held.has(device) && held.get(device) !== name);
  const damage = moved.map(([device, name]) => `the rules use ${name} for ${device}, which is now ${held.get(device)}`);
  return { ...observed, policy: policyWithDevices(policy, devices), damage: [...observed.damage, ...damage] };
}

function devicesOf({ layers }: FirewallPolicy): string[] {
  return [...new Set(layers.flatMap(({ tunnels }) => tunnels.map(({ device }) => device)))];
}

function readNames({ namesFile }: NamedFirewallDeps): Names {
  try {
    const value: unknown = JSON.parse(readFileSync(namesFile, "utf8"));
    const entries = typeof value === "object" && value !== null ? Object.entries(value) : [];
    return new Map(entries.filter((entry): entry is [string, string] => typeof entry[1] === "string"));
  } catch {
    return new Map();
  }
}

function writeNames({ namesFile }: NamedFirewallDeps, names: Names): void {
  mkdirSync(dirname(namesFile), { recursive: true, mode: 0o700 });
  const draft = `${namesFile}.${process.pid}`;
  writeFileSync(draft, `${JSON.stringify(Object.fromEntries(names))}\n`, { mode: 0o600 });
  renameSync(draft, namesFile);
}
