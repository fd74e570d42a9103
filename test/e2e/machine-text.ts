import type { World } from "../lab/world/world.ts";
import { settledRuleset } from "../support/ruleset-text.ts";

/** Counters, and what the kernel shows only after it first tracked a connection. */
const restless = /^net\.netfilter\.nf_conntrack_(count|buckets)\b|stable_secret/;
const ruleCounter = /counter packets \d+ bytes \d+/g;
/** The elements of a set that packets fill: they come and go by themselves. */
const passingElements = /(\t\tflags [a-z,]*dynamic[^\n]*\n(?:\t\ttimeout [^\n]*\n)?)\t\telements = \{[^}]*\}\n/g;

/** The client's whole network configuration as text, part by part: what destroy must put back exactly. */
export async function machineText(world: World): Promise<Record<string, string>> {
  const inside = (...argv: string[]): Promise<string> => world.inside("client", argv);
  const sysctls = (await inside("sysctl", "-a", "-r", "^net\\.")).split("\n").filter((line) => !restless.test(line));
  return {
    links: await inside("ip", "-d", "link", "show"),
    addresses: await inside("ip", "address", "show"),
    routes4: await inside("ip", "-4", "route", "show", "table", "all"),
    routes6: await inside("ip", "-6", "route", "show", "table", "all"),
    rules: (await inside("ip", "-4", "rule", "show")) + (await inside("ip", "-6", "rule", "show")),
    nft: settledRuleset(await inside("nft", "list", "ruleset"))
      .replaceAll(ruleCounter, "counter")
      .replaceAll(passingElements, "$1"),
    sysctls: sysctls.join("\n"),
    resolver: await inside("cat", "/etc/resolv.conf"),
  };
}

/** The same without what the kernel numbers anew at every birth of a device: for machines on which awg stands. */
export async function settledMachine(world: World): Promise<Record<string, string>> {
  const machine = await machineText(world);
  // awg's own engine has its device's queue made longer, which the next engine leaves.
  const unnumbered = (part: string): string => (machine[part] ?? "").replaceAll(/^\d+: | qlen \d+/gm, "");
  const { addresses = "", routes6 = "" } = machine;
  // Made from a secret that each device is born with; where it stands among the routes follows from it (RFC 7217).
  const born = [...addresses.matchAll(/inet6 (fe80::\S+)\/64 scope link stable-privacy/g)].map(
    ([, address = ""]) => address,
  );
  const unborn = (text: string): string => born.reduce((left, one) => left.replaceAll(one, "fe80::born"), text);
  return {
    ...machine,
    links: unnumbered("links"),
    addresses: unborn(unnumbered("addresses")),
    routes6: unborn(routes6).split("\n").toSorted().join("\n"),
  };
}
