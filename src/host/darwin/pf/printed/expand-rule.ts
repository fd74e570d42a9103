import type { PortRange } from "../../../../model/firewall/policy.ts";
import { type AddressText, type PfRule, type PfSide, pfLabel, userRange } from "../pf-rule.ts";
import { type CanonicalRule, type CanonicalSide, canonicalText, familyOfHost } from "./canonical-rule.ts";

const TCP = 6;

/**
 * The rules that the kernel holds after pfctl multiplied one rule's lists out, as canonical texts. Combinations whose
 * address families do not fit are left out, as pfctl does (expand_rule of OpenBSD 4.3's parse.y). Their order among each
 * other is pfctl's business: they have one action and one label.
 */
export function expandedTexts(rule: PfRule, addressText: AddressText): string[] {
  const texts: string[] = [];
  for (const on of interfacesOf(rule)) {
    for (const protocol of rule.protocols ?? [-1]) {
      for (const icmpType of rule.icmpTypes ?? [-1]) {
        for (const from of sidesOf(rule.from, addressText)) {
          for (const to of sidesOf(rule.to, addressText)) {
            const family = fittingFamily(rule, from, to);
            if (family === undefined) continue;
            for (const user of rule.users?.map(userText) ?? [""]) {
              texts.push(canonicalText({ ...base(rule, protocol), on, family, protocol, icmpType, from, to, user }));
            }
          }
        }
      }
    }
  }
  return texts;
}

type Multiplied = "on" | "family" | "protocol" | "icmpType" | "from" | "to" | "user";

function base(rule: PfRule, protocol: number): Omit<CanonicalRule, Multiplied> {
  const { action, direction = "", isFragment = false, state } = rule;
  const isPass = action === "pass";
  const keeps = isPass && state === "opening";
  return {
    action: typeof action === "object" ? `anchor ${action.call}` : action === "block" ? "block drop" : "pass",
    direction,
    isQuick: true,
    isFragment,
    state: isPass ? (keeps ? "if-bound" : "none") : "",
    // Without a word of its own a rule that keeps state asks TCP for its first packet.
    flags: keeps && (protocol === TCP || protocol === -1) ? "S/SA" : "",
    allowsOptions: isPass,
    label: typeof action === "object" ? "" : pfLabel(rule.why),
  };
}

function interfacesOf({ on, notOn }: PfRule): readonly string[] {
  return on ?? (notOn === undefined ? [""] : [`!${notOn}`]);
}

function sidesOf(side: PfSide | undefined, addressText: AddressText): CanonicalSide[] {
  const hosts = side?.addresses === undefined ? ["any"] : hostsOf(side.addresses, addressText);
  const ports = side?.ports?.map(portText) ?? [""];
  return hosts.flatMap((host) => ports.map((port) => ({ host, port })));
}

/** A list that became a table is one host. */
function hostsOf(addresses: readonly string[], addressText: AddressText): readonly string[] {
  const text = addressText(addresses);
  return text.startsWith("<") ? [text] : addresses;
}

/** pfctl writes the family of the hosts into a rule that names none. */
function fittingFamily(rule: PfRule, from: CanonicalSide, to: CanonicalSide): CanonicalRule["family"] | undefined {
  const named = [rule.family ?? 0, familyOfHost(from.host), familyOfHost(to.host)] as const;
  const family = named[0] || named[1] || named[2];
  return named.every((one) => one === 0 || one === family) ? family : undefined;
}

function portText({ from, to }: PortRange): string {
  return from === to ? `= ${from}` : `${from}:${to}`;
}

function userText(range: PortRange): string {
  const text = userRange(range);
  if (text === "nobody") return "= 4294967294";
  return /^\d+$/.test(text) ? `= ${text}` : text;
}
