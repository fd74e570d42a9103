import { LOOPBACK_DEVICE } from "../../model/firewall/packet.ts";
import { ROUTE_PROTOCOL } from "../../model/ownership.ts";
import type { PolicyRule, PolicyRuleMatch } from "../../model/resources/routes.ts";
import type { PolicyRule as KernelRule } from "../../native/linux/rtnetlink/rule.codec.ts";
import type { RuleEntry } from "../ports/routes.ts";

const ALL_ONES = 0xffffffff;
const PROTOCOLS = { tcp: 6, udp: 17 } as const;
/** The kernel rule's fields that our rules can have; a rule with any other field is only shown. */
const MODELLED = new Set([
  "family",
  "priority",
  "action",
  "table",
  "mark",
  "mask",
  "source",
  "destination",
  "protocol",
  "suppressPrefixLength",
  "uids",
  "ipProtocol",
  "destinationPorts",
  "sourcePorts",
]);

/** The kernel's form of one of our rules, with our protocol number. */
export function kernelRuleOf({ family, preference, match, table, suppressPrefixLength }: PolicyRule): KernelRule {
  const { mark, source, destination, uids, protocol, ports, sourcePorts, local } = match;
  return {
    family,
    priority: preference,
    action: "table",
    table,
    protocol: ROUTE_PROTOCOL,
    ...(mark === undefined ? {} : { mark: mark.value }),
    ...(mark === undefined || mark.mask === ALL_ONES ? {} : { mask: mark.mask }),
    ...(source === undefined ? {} : { source }),
    ...(destination === undefined ? {} : { destination }),
    ...(uids === undefined ? {} : { uids }),
    ...(local === true ? { iif: LOOPBACK_DEVICE } : {}),
    ...(protocol === undefined ? {} : { ipProtocol: PROTOCOLS[protocol] }),
    ...(ports === undefined ? {} : { destinationPorts: ports }),
    ...(sourcePorts === undefined ? {} : { sourcePorts }),
    ...(suppressPrefixLength === undefined ? {} : { suppressPrefixLength }),
  };
}

/** A kernel rule in our terms; `foreign` lists what our terms cannot express. */
export function ruleEntryOf(rule: KernelRule): RuleEntry {
  const protocol = protocolOf(rule.ipProtocol);
  const foreign = foreignText(rule, protocol);
  return {
    rule: {
      family: rule.family,
      preference: rule.priority,
      match: matchOf(rule, protocol),
      table: rule.table ?? 0,
      ...(rule.suppressPrefixLength === undefined ? {} : { suppressPrefixLength: rule.suppressPrefixLength }),
    },
    protocol: rule.protocol,
    ...(foreign === "" ? {} : { foreign }),
  };
}

function matchOf(rule: KernelRule, protocol: "tcp" | "udp" | undefined): PolicyRuleMatch {
  const { mark, mask, source, destination, uids, destinationPorts, sourcePorts } = rule;
  return {
    ...(mark === undefined ? {} : { mark: { value: mark, mask: mask ?? ALL_ONES } }),
    ...(source === undefined ? {} : { source }),
    ...(destination === undefined ? {} : { destination }),
    ...(uids === undefined ? {} : { uids }),
    ...(rule.iif === LOOPBACK_DEVICE ? { local: true } : {}),
    ...(protocol === undefined ? {} : { protocol }),
    ...(destinationPorts === undefined ? {} : { ports: destinationPorts }),
    ...(sourcePorts === undefined ? {} : { sourcePorts }),
  };
}

function protocolOf(number: number | undefined): "tcp" | "udp" | undefined {
  return number === PROTOCOLS.tcp ? "tcp" : number === PROTOCOLS.udp ? "udp" : undefined;
}

function foreignText(rule: KernelRule, protocol: string | undefined): string {
  const parts = Object.entries(rule)
    .filter(([part, value]) => !MODELLED.has(part) && value !== undefined)
    .filter(([part, value]) => part !== "iif" || value !== LOOPBACK_DEVICE)
    .map(([part, value]) => `${part} ${JSON.stringify(value)}`);
  if (rule.action !== "table") parts.push(rule.action);
  if (rule.ipProtocol !== undefined && protocol === undefined) parts.push(`ipproto ${rule.ipProtocol}`);
  return parts.join(" ");
}
