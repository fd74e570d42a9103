import { canonicalPrefix, parsePrefix, renderPrefix } from "../../../../model/prefix.ts";

/** One side of a single PF rule: one host, one port condition. */
export interface CanonicalSide {
  /** A prefix with its length, `<table>`, or any. */
  readonly host: string;
  /** Operator and numbers, "" for any. */
  readonly port: string;
}

/** A filter rule or anchor call of PF as the kernel holds it: no lists, nothing said twice. */
export interface CanonicalRule {
  readonly action: string;
  readonly direction: "in" | "out" | "";
  readonly isQuick: boolean;
  /** An interface's name, `!` before it where it is excluded, "" for any. */
  readonly on: string;
  readonly family: 4 | 6 | 0;
  /** IP protocol number; -1 for any. */
  readonly protocol: number;
  readonly from: CanonicalSide;
  readonly to: CanonicalSide;
  readonly user: string;
  /** -1 for any. */
  readonly icmpType: number;
  readonly isFragment: boolean;
  /** `none`, `if-bound`, `floating`, or "" for what keeps none by its nature. */
  readonly state: string;
  /** TCP flags that the packet must have, "" for any. */
  readonly flags: string;
  readonly allowsOptions: boolean;
  readonly label: string;
}

/** A rule without action that matches every packet. */
export const UNCONDITIONAL: CanonicalRule = {
  action: "",
  direction: "",
  isQuick: false,
  on: "",
  family: 0,
  protocol: -1,
  from: { host: "any", port: "" },
  to: { host: "any", port: "" },
  user: "",
  icmpType: -1,
  isFragment: false,
  state: "",
  flags: "",
  allowsOptions: false,
  label: "",
};

const TCP = 6;

/** A text that is equal exactly when two rules judge alike and carry the same label. */
export function canonicalText(rule: CanonicalRule): string {
  const { action, direction, isQuick, on, protocol, from, to, user, icmpType, state, label } = rule;
  const family = rule.family || familyOfHost(from.host) || familyOfHost(to.host);
  const mayBeTcp = protocol === TCP || protocol === -1;
  return [
    action,
    direction || "both",
    isQuick ? "quick" : "last",
    `on ${on || "any"}`,
    `inet ${family || "any"}`,
    `proto ${protocol < 0 ? "any" : protocol}`,
    `from ${hostText(from.host)} port ${from.port || "any"}`,
    `to ${hostText(to.host)} port ${to.port || "any"}`,
    `user ${user || "any"}`,
    `icmp ${icmpType < 0 ? "any" : icmpType}`,
    rule.isFragment ? "fragment" : "whole",
    `state ${state || "-"}`,
    `flags ${mayBeTcp && rule.flags !== "" ? rule.flags : "any"}`,
    rule.allowsOptions ? "options" : "plain",
    `label ${label}`,
  ].join("; ");
}

/** The family of a prefix's text; 0 where it says none. */
export function familyOfHost(host: string): 4 | 6 | 0 {
  if (host === "any" || host.includes("<")) return 0;
  return host.includes(":") ? 6 : 4;
}

function hostText(host: string): string {
  const not = host.startsWith("!") ? "!" : "";
  const prefix = parsePrefix(host.slice(not.length).trim());
  return prefix === undefined ? host : `${not}${renderPrefix(canonicalPrefix(prefix))}`;
}
