import fc from "fast-check";
import { expect, test } from "vitest";
import { fallbackSetName } from "../../../../src/host/linux/nft/render/chain-names.ts";
import { fallbackElements } from "../../../../src/host/linux/nft/render/fallback-sets.ts";
import { renderNft } from "../../../../src/host/linux/nft/render/render-nft.ts";
import type { RenderedTable } from "../../../../src/host/linux/nft/render/rendered-table.ts";
import { judge, markAfterSteering } from "../../../../src/model/firewall/evaluate.ts";
import { fallbackSwitches, switchName, withFallback } from "../../../../src/model/firewall/fallback.ts";
import { LASTING_PROTOCOLS, type Packet } from "../../../../src/model/firewall/packet.ts";
import type {
  FirewallPolicy,
  FlowRule,
  PathRef,
  PathSwitch,
  PolicyTunnel,
  Steering,
} from "../../../../src/model/firewall/policy.ts";
import { CLASS_MARK, ENGINE_MARK, MARK_MASK, PATH_NUMBERS, pathOfMark } from "../../../../src/model/ownership.ts";
import { packetArbitrary, policyArbitrary } from "../../../model/firewall/arbitraries.ts";
import { SEED } from "../../../support/seeded.ts";
import { runChain, type Wire } from "./interpreter.ts";

const POLICIES = 160;
const PACKETS_EACH = 250;
const CHAINS = {
  input: ["entering"],
  output: ["steer", "leaving", "source-guard"],
  forward: ["crossing", "leaving", "source-guard"],
};

/**
 * The policy with alternatives at its paths, beginning with the default: direct at every other, all other tunnels at two of
 * three, and one of these for a part of the flows.
 */
function fallingBack({ steering, layers }: FirewallPolicy): FirewallPolicy {
  const tunnels = layers.at(-1)?.tunnels ?? [];
  const flowsOf = (flows: Steering): Steering => ({
    rules: flows.rules.map((rule, index) => ({ ...rule, path: alternativesAt(index + 1, rule, tunnels) })),
    default: alternativesAt(0, { path: flows.default, match: {} }, tunnels),
  });
  return {
    steering: flowsOf(steering),
    layers: layers.map((layer) => ({
      ...layer,
      flows: flowsOf(layer.flows),
      dns:
        layer.dns === null
          ? null
          : { ...layer.dns, path: alternativesAt(1, { path: layer.dns.path, match: {} }, tunnels) },
    })),
  };
}

function alternativesAt(
  index: number,
  { path, match }: Pick<FlowRule, "path" | "match">,
  tunnels: readonly PolicyTunnel[],
): PathRef {
  if (path.kind !== "tunnel") return path;
  const substitutes = tunnels
    .filter(({ number }) => number !== path.number)
    .map(({ device, number }, at) => ({
      device,
      number,
      ...(index % 3 === 2 && at === 0 && match.protocol === undefined ? { match: { ...match, protocol: 6 } } : {}),
    }));
  return {
    ...path,
    ...(index % 3 === 1 || substitutes.length === 0 ? {} : { substitutes }),
    ...(index % 2 === 0 ? { fallback: "direct" } : {}),
  };
}

const policies = fc
  .sample(policyArbitrary, { seed: SEED, numRuns: 4 * POLICIES })
  .map(fallingBack)
  .filter((policy) => fallbackSwitches(policy).length > 0)
  .slice(0, POLICIES);
const packets = fc.sample(packetArbitrary, { seed: SEED, numRuns: 20_000 });

/** The tables as the kernel has them while these paths are down. */
function render(policy: FirewallPolicy, down: readonly PathSwitch[]): [RenderedTable, RenderedTable] {
  const tables = renderNft(policy, { devices: ["eth0", "wlan0"], identity: "test", ownedTables: true });
  const filled = tables.map((rendered) => ({
    ...rendered,
    sets: rendered.sets.map((one) => {
      const isFallback = one.set.timeoutMs !== undefined && one.set.mostElements === undefined;
      expect(isFallback).toBe(one.set.name.startsWith("fallback-"));
      const isDown = down.some((switched) => one.set.name === fallbackSetName(switched));
      return isDown ? { ...one, elements: fallbackElements(rendered.table.family) } : one;
    }),
  }));
  return filled as readonly RenderedTable[] as [RenderedTable, RenderedTable];
}

/** The verdict by the base chains, each with the mark that the one before set. An engine that is one in some layers only keeps its mark. */
function verdictOf(inet: RenderedTable, packet: Packet, wire: Wire): "accept" | "drop" {
  let mark = packet.mark ?? 0;
  for (const chain of CHAINS[packet.hook]) {
    const outcome = runChain(inet, chain, { ...packet, mark }, wire);
    if (outcome.verdict === "drop") return "drop";
    const isEngine = pathOfMark(mark) === PATH_NUMBERS.engine && pathOfMark(outcome.mark) !== 0;
    mark = isEngine ? ((outcome.mark & ~MARK_MASK) | ENGINE_MARK) >>> 0 : outcome.mark;
  }
  return "accept";
}

function show(what: string, packet: Packet, policy: FirewallPolicy, down: readonly PathSwitch[]): string {
  const text = JSON.stringify(packet, (_key, value) => (typeof value === "bigint" ? value.toString(16) : value));
  return `seed ${SEED}: ${what}, in force ${down.map(switchName)}\n${text}\n${JSON.stringify(policy)}`;
}

test("law 1: the rules judge and mark as the policy with paths in fallback, at egress no less strictly", () => {
  const seen = { fellBack: 0, egress: 0 };
  expect(policies.length).toBe(POLICIES);
  for (const [index, policy] of policies.entries()) {
    const paths = fallbackSwitches(policy);
    const down = index % 4 === 0 ? [] : paths.filter((_, at) => (index >> at) % 2 === 1 || paths.length === 1);
    const meaning = withFallback(policy, down);
    const [inet, netdev] = render(policy, down);
    for (let at = 0; at < PACKETS_EACH; at += 1) {
      const packet = packets[(index * PACKETS_EACH + at) % packets.length] as Packet;
      const untracked = packet.reply === undefined && packet.protocol === 47;
      const wire = { junk: new Uint8Array(8), untracked };
      const expected = judge(meaning, packet);
      const drops = verdictOf(inet, packet, wire) === "drop";
      expect(drops ? "drop" : "accept", show(expected.reason, packet, policy, down)).toBe(expected.verdict);
      if (judge(policy, packet).verdict !== expected.verdict) seen.fellBack += 1;
      if (packet.hook !== "output") continue;
      const steered = runChain(inet, "steer", packet);
      if (steered.verdict === "accept")
        expect(steered.mark, show("mark", packet, policy, down)).toBe(markAfterSteering(meaning, packet));
      if (!["eth0", "wlan0"].includes(packet.outDevice ?? "")) continue;
      const frame = runChain(netdev, "frames", packet, { junk: new Uint8Array(8), readsFragments: true });
      // A frame has no next hop, so no private address is on its link.
      // It has no class, and without a socket it is of no program.
      if (packet.uid === undefined && LASTING_PROTOCOLS.includes(packet.protocol)) continue;
      const mark = (packet.mark ?? 0) & ~CLASS_MARK.mask;
      const asFrame = judge(meaning, { ...packet, mark, byRouter: true });
      if (asFrame.verdict === "accept") expect(frame.verdict, show("egress", packet, policy, down)).toBe("accept");
      else if (frame.verdict === "drop") seen.egress += 1;
    }
  }
  expect(seen.fellBack).toBeGreaterThan(300);
  expect(seen.egress).toBeGreaterThan(300);
}, 120_000);

test("law 1: with nothing down a fallback is as if there were none", () => {
  const without = (path: PathRef): PathRef =>
    path.kind === "tunnel" ? { kind: "tunnel", device: path.device, number: path.number } : path;
  const bare = ({ rules, default: rest }: Steering): Steering => ({
    rules: rules.map((rule) => ({ ...rule, path: without(rule.path) })),
    default: without(rest),
  });
  for (const [index, policy] of policies.entries()) {
    const plain = {
      steering: bare(policy.steering),
      layers: policy.layers.map((layer) => ({ ...layer, flows: bare(layer.flows) })),
    };
    for (let at = 0; at < 40; at += 1) {
      const packet = packets[(index * 40 + at) % packets.length] as Packet;
      expect(judge(policy, packet).verdict).toBe(judge(plain, packet).verdict);
    }
  }
});
