import { inside, must } from "./stage.ts";

/** Settings that count, or that appear when the kernel first tracks a connection, are not the machine's state. */
const restless =
  /^net\.netfilter\.nf_conntrack_(count|buckets)\b|^net\.ipv[46]\.route\.|^net\.ipv6\.conf\.\S+\.stable_secret/;

/** Everything about a namespace's network that a person can see, part by part, as text. */
export function snapshot(namespace: string): ReadonlyMap<string, string> {
  const ip = (...argv: string[]): string => must(["ip", "-n", namespace, ...argv]);
  const sysctls = must(inside(namespace, "sysctl", "-a", "-r", "^net\\."))
    .split("\n")
    .filter((line) => !restless.test(line));
  return new Map([
    ["links", ip("-d", "link", "show")],
    ["addresses", ip("address", "show")],
    ["routes of all tables", ip("-4", "route", "show", "table", "all") + ip("-6", "route", "show", "table", "all")],
    ["rules", ip("-4", "rule", "show") + ip("-6", "rule", "show")],
    ["nft ruleset", must(inside(namespace, "nft", "list", "ruleset"))],
    ["sysctls", sysctls.join("\n")],
    ["resolver", must(inside(namespace, "cat", "/etc/resolv.conf"))],
  ]);
}
