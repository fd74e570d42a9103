import { hashOf } from "../../../model/canonical.ts";
import type { FirewallPolicy } from "../../../model/firewall/policy.ts";
import { AddressTables } from "./address-tables.ts";
import { type LayerRules, layerRules } from "./layer-rules.ts";
import { canaryRules, LOOPBACK, linkTrafficRules, loopbackRules, tunnelAddressRules } from "./link-rules.ts";
import { outside } from "./outside.ts";
import { type AddressText, list, type PfAnchor, type PfNode, type PfRule, renderPfRule } from "./pf-rule.ts";
import { possibleRule } from "./possible-rule.ts";
import { anchorGroups } from "./printed/anchor-groups.ts";

/** The anchor of the whole policy, with one inner anchor per purpose. */
export const PF_ANCHOR = "com.awg";

/** The stock pf.conf evaluates com.apple's anchors in the order of their names; this one comes first. */
export const CALLING_ANCHOR = "com.apple/000.awg";

/** A label has at most 63 characters, with "awg policy " before the hash. */
const IDENTITY_DIGITS = 52;

/** The rule that calls awg's anchor from macOS's main ruleset, without an edit of pf.conf. */
export function renderCallingAnchor(): string {
  return `anchor "/${PF_ANCHOR}"\n`;
}

/** A rendered policy: the text to load, and the expected state of the kernel afterwards. */
export interface RenderedPf {
  /** One file for `pfctl -a com.awg -o none -f -`. */
  readonly text: string;
  /**
   * The canonical texts of rules, by anchor path: groups in order, a group in any order (one rule of the text with its lists
   * expanded).
   */
  readonly anchors: ReadonlyMap<string, readonly (readonly string[])[]>;
  /** Tables of the outer anchor with their prefixes. */
  readonly tables: ReadonlyMap<string, readonly string[]>;
}

/**
 * A firewall policy as one file for `pfctl -a com.awg -o none -f -`, which loads it in one transaction. It judges packets as
 * `evaluate.ts` does, except for the differences of chapter S13.
 *
 * Every layer must accept a packet. If a layer that is not the last accepts, its rule calls the next layer's anchor instead of
 * passing the packet. Rules inside anchors use address lists, because a table of this file belongs to the outer anchor, and an
 * inner rule looks it up only in its own anchor and the main ruleset (xnu pfr_attach_table).
 *
 * @param identity name of the policy for the first rule's label; see policyIdentity
 * @throws AwgError("unsupported") beyond PF's limits
 */
export function renderPf(policy: FirewallPolicy, identity?: string): RenderedPf {
  const nodes = policyNodes(policy, identity);
  const tables = new AddressTables();
  const lines = nodes.flatMap((node) => nodeLines(node, tables.text, ""));
  return {
    text: [...tables.render(), ...lines, ""].join("\n"),
    anchors: new Map(anchorGroups(PF_ANCHOR, nodes, tables.text)),
    tables: tables.contents(),
  };
}

/** The name of a policy: the first digits of its hash, as many as a label can hold. */
export function policyIdentity(policy: FirewallPolicy): string {
  return hashOf(policy).slice(0, IDENTITY_DIGITS);
}

function policyNodes(policy: FirewallPolicy, identity: string | undefined): PfNode[] {
  const tunnels = policy.layers.flatMap((layer) => layer.tunnels);
  const devices = [...new Set(tunnels.map(({ device }) => device))];
  const count = policy.layers.length;
  const [body = [], ...inner] = policy.layers.map((layer, index) => {
    const rules = layerRules(layer, devices);
    const isOpen = !layer.killSwitch;
    const nodes = layerNodes(
      isOpen && count === 1 ? withoutIdlePasses(rules) : isOpen ? lettingRestPass(rules) : rules,
    );
    if (index === count - 1) return count === 1 ? nodes : nodes.map(withoutEntryStates);
    return nodes.map((node) => calling(node, layerName(index + 1)));
  });
  const anchors = inner.map(
    // Loopback has passed above. The anchor is only defined here; the layer before it calls it.
    (nodes, index): PfAnchor => ({
      name: layerName(index + 1),
      call: { direction: "in", on: [LOOPBACK] },
      body: nodes,
    }),
  );
  return [
    ...loopbackRules(identity),
    ...canaryRules(),
    ...outside(devices, "source", tunnelAddressRules(tunnels)),
    ...outside(devices, "link", linkTrafficRules()),
    ...body,
    ...anchors,
  ];
}

/** The anchors of the three purposes, in the order of the policy. */
function layerNodes({ first, ipv6, dns, flows, killswitch }: LayerRules): PfNode[] {
  const anchor = (name: string, body: readonly PfRule[]): PfNode[] =>
    body.length === 0 ? [] : [{ name, call: {}, body }];
  return [
    ...first,
    ...anchor("ipv6", ipv6),
    ...anchor("dns", dns),
    ...flows,
    ...anchor("killswitch", killswitch),
  ].flatMap(openingAll);
}

/**
 * Without the kill switch, other programs' rules decide about packets that awg does not drop. A pass rule is needed only
 * before a block rule of awg.
 */
function withoutIdlePasses(rules: LayerRules): LayerRules {
  const last = rules.flows.findLastIndex(({ action }) => action === "block");
  return { ...rules, flows: rules.flows.slice(0, last + 1) };
}

function lettingRestPass(rules: LayerRules): LayerRules {
  return { ...rules, killswitch: [{ action: "pass", state: "none", why: "S8.1 the kill switch is off" }] };
}

/** Only TCP's first packet opens a state; other packets of a flow without one are judged one by one. */
function openingAll(node: PfNode): PfNode[] {
  if (!("action" in node)) return [{ ...node, body: node.body.flatMap(openingAll) }];
  const { protocols } = node;
  const mayBeTcp = protocols === undefined || protocols.includes(6);
  if (node.action !== "pass" || node.state !== "opening" || !mayBeTcp) return [node];
  const others = protocols?.filter((protocol) => protocol !== 6) ?? [];
  const opening: PfRule[] = protocols === undefined ? [node] : [{ ...node, protocols: [6] }];
  if (others.length > 0) opening.push({ ...node, protocols: others });
  return [...opening, { ...node, protocols: [6], state: "none" }];
}

/**
 * With several layers no incoming packet opens a state, because the state would let answers out by this layer's verdict alone.
 * A client that opens a flow in that moment retries.
 */
function withoutEntryStates(node: PfNode): PfNode {
  if (!("action" in node)) return { ...node, body: node.body.map(withoutEntryStates) };
  return node.direction === "in" && node.state === "opening" ? { ...node, state: "none" } : node;
}

/** Calls the next layer instead of passing. */
function calling(node: PfNode, next: string): PfNode {
  if (!("action" in node)) return { ...node, body: node.body.map((inner) => calling(inner, next)) };
  return node.action === "pass" ? { ...node, action: { call: `/${PF_ANCHOR}/${next}` } } : node;
}

function layerName(index: number): string {
  return `layer-${index + 1}`;
}

function nodeLines(node: PfNode, addressText: AddressText, indent: string): string[] {
  if ("action" in node) {
    const rule = possibleRule(node);
    return rule === undefined ? [] : [`${indent}${renderPfRule(rule, addressText)}`];
  }
  const { direction, on, notOn } = node.call;
  const words = [
    direction,
    on === undefined ? undefined : `on ${list(on)}`,
    notOn === undefined ? undefined : `on ! ${notOn}`,
  ];
  const call = [`anchor "${node.name}"`, ...words].filter((word) => word !== undefined).join(" ");
  return [`${indent}${call} {`, ...node.body.flatMap((inner) => nodeLines(inner, list, `${indent}  `)), `${indent}}`];
}
