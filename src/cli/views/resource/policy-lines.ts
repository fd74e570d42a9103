import type { DnsPolicy, FirewallPolicy, PolicyLayer } from "../../../model/firewall/policy.ts";
import { counted } from "../../../model/text/counted.ts";
import { allowText, endpointText, pathText, ruleText } from "./policy-values.ts";

/** Rules, exceptions and endpoints beyond this many are counted. */
export const MOST_MEMBERS = 12;

/** Rules that follow from an option that has a line of its own. */
const DERIVED = /^(?:dns\.|killSwitch\/)/;

/** What a packet policy does, a line for each part, in the config's words. */
export function policyLines({ steering, layers }: FirewallPolicy, most: number): readonly string[] {
  const [layer] = layers;
  const shown = steering.rules.filter(({ origin }) => most > MOST_MEMBERS || !DERIVED.test(origin));
  const rules = atMost(
    shown.map((rule) => ruleText(rule, most)),
    most,
    "rule",
  );
  const fallback = `default: ${pathText(steering.default)}`;
  return layer === undefined ? [...rules, fallback] : [...layerLines(layer, most), ...rules, fallback];
}

function layerLines(layer: PolicyLayer, most: number): readonly string[] {
  const { killSwitch, allowLan, allow, endpoints, listens, bootstrapDns, dns } = layer;
  const servers = endpoints.map(({ address, port }) =>
    port === undefined ? `${address} (any UDP port)` : endpointText(address, String(port)),
  );
  return [
    killSwitch ? `kill switch: on, LAN ${allowLan ? "allowed" : "blocked"}` : "kill switch: off",
    ...(servers.length === 0 ? [] : [`endpoints: ${atMost(servers, most, "endpoint").join(", ")}`]),
    ...(listens.length === 0 ? [] : [`listening UDP ports: ${listens.map(({ port }) => port).join(", ")}`]),
    ...atMost(
      allow.map((grant) => `allow: ${allowText(grant)}`),
      most,
      "exception",
    ),
    ...(bootstrapDns.length === 0 ? [] : [`bootstrap DNS: ${bootstrapDns.join(", ")}`]),
    ...(dns === null ? [] : [dnsLine(dns)]),
  ];
}

function dnsLine({ servers, path, leakProtection, blockEncrypted }: DnsPolicy): string {
  const limits = [
    ...(leakProtection ? ["to other servers blocked"] : []),
    ...(blockEncrypted ? ["encrypted DNS blocked"] : []),
  ];
  return [`DNS: ${servers.join(", ") || "any server"} via ${pathText(path)}`, ...limits].join("; ");
}

/** The texts, or as many as a reader has patience for and the number of the others. */
export function atMost(texts: readonly string[], most: number, noun: string): readonly string[] {
  if (texts.length <= most) return texts;
  const shown = texts.slice(0, most - 1);
  return [...shown, `and ${counted(texts.length - shown.length, `more ${noun}`)}`];
}
