import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { RENDERING } from "../../../../src/host/linux/nft/load/policy-record.ts";
import { remembersVerdicts } from "../../../../src/host/linux/nft/render/chains/judged-flows.ts";
import { renderNft } from "../../../../src/host/linux/nft/render/render-nft.ts";
import type { RenderedTable } from "../../../../src/host/linux/nft/render/rendered-table.ts";
import { judge, markAfterSteering } from "../../../../src/model/firewall/evaluate.ts";
import { DNS_ENCRYPTED_PORT, DNS_PORT } from "../../../../src/model/firewall/flow-path.ts";
import { LOOPBACK_DEVICE, ownMark, type Packet, PROTOCOL } from "../../../../src/model/firewall/packet.ts";
import { engineUids, type FirewallPolicy, type PolicyLayer } from "../../../../src/model/firewall/policy.ts";
import { parseIp } from "../../../../src/model/ip.ts";
import { ENGINE_MARK, GUEST_DNS_MARK, MARK_MASK } from "../../../../src/model/ownership.ts";
import { sha256Hex } from "../../../../src/model/sha256.ts";
import { oneOfThreeLong, packetArbitrary, policyArbitrary } from "../../../model/firewall/arbitraries.ts";
import { LAPTOP, OFFICE, policyOf, UNNAMED, withHighNumbers } from "../../../model/firewall/policies.ts";
import { SEED } from "../../../support/seeded.ts";
import { runChain, type Wire } from "./interpreter.ts";

const POLICIES = 220;
const PACKETS_EACH = 500;
const JUNK = new Uint8Array([0, 53, 0, 53, 0, 22, 0, 22]);

const policies = fc
  .sample(policyArbitrary, { seed: SEED, numRuns: POLICIES })
  .map((policy, index) => (index % 2 === 0 ? policy : withHighNumbers(policy)));
const packets = fc.sample(packetArbitrary, { seed: SEED, numRuns: 20_000 }).map(oneOfThreeLong);

/** Another stretch of the packets for each policy; of those by the device that is no uplink every third has a forged source. */
function packetsFor(index: number, count: number): Packet[] {
  return Array.from({ length: count }, (_, at) => {
    const packet = packets[(index * count + at) % packets.length] as Packet;
    return at % 3 === 0 && packet.hook !== "output" && packet.inDevice === "eth0"
      ? { ...packet, forged: true }
      : packet;
  });
}

const render = (policy: FirewallPolicy) =>
  renderNft(policy, { devices: ["eth0", "wlan0"], uplinks: ["wlan0"], identity: "test", ownedTables: true }) as [
    RenderedTable,
    RenderedTable,
  ];

/** The tables with their rules in the order of the chains: between rules of two chains there is no order. */
const chainByChain = (tables: readonly RenderedTable[]) =>
  tables.map(({ chains, rules, ...table }) => ({
    ...table,
    chains,
    rules: chains.flatMap(({ name }) => rules.filter(({ chain }) => chain === name)),
  }));

/** What RENDERING 23 makes of two policies. */
const RENDERED = "1736730dd9c5752d02db00d267c5878d1eb2d3a84017628bae7a019835ec9928";

test("rules are rendered as their number says: a change of them needs another RENDERING, and its hash here", () => {
  const plain = JSON.stringify([render(LAPTOP), render(UNNAMED)].map(chainByChain), (_key, value: unknown) =>
    typeof value === "bigint" ? `${value}` : value instanceof Uint8Array ? Buffer.from(value).toString("hex") : value,
  );
  expect([RENDERING, sha256Hex(plain)]).toEqual([23, RENDERED]);
});

const CHAINS = {
  input: ["arriving", "entering"],
  output: ["steer", "leaving", "source-guard"],
  forward: ["arriving", "crossing", "leaving", "source-guard"],
};

/** What the rendered inet table does with a packet, by the chains that the kernel would ask. */
function verdictOf(table: RenderedTable, packet: Packet, wire: Wire): "accept" | "drop" {
  let mark = packet.mark ?? 0;
  for (const chain of CHAINS[packet.hook]) {
    const outcome = runChain(table, chain, { ...packet, mark }, wire);
    if (outcome.verdict === "drop") return "drop";
    mark = outcome.mark;
  }
  return "accept";
}

/** The packet's mark where it leaves, when it came through this machine's own stack. */
function markWhereItLeaves(inet: RenderedTable, packet: Packet, wire: Wire): number {
  return CHAINS[packet.hook].reduce(
    (mark, chain) => runChain(inet, chain, { ...packet, mark }, wire).mark,
    packet.mark ?? 0,
  );
}

/** A query to a declared server with a path. */
function isGuestDns({ layers }: FirewallPolicy, { protocol, destination, destinationPort }: Packet): boolean {
  const dns = layers.at(-1)?.dns;
  if (dns === undefined || dns === null || dns.path.kind === "block") return false;
  const isServer = dns.servers.some((server) => parseIp(server)?.value === destination.value);
  const isCarried = protocol === PROTOCOL.tcp || protocol === PROTOCOL.udp;
  return isServer && isCarried && [DNS_PORT, DNS_ENCRYPTED_PORT].includes(destinationPort ?? 0);
}

function show(what: string, packet: Packet, policy: FirewallPolicy): string {
  const text = JSON.stringify(packet, (_key, value) => (typeof value === "bigint" ? value.toString(16) : value));
  return `seed ${SEED}: ${what}\n${text}\n${JSON.stringify(policy)}`;
}

/** What must have been met several times for the comparison to mean anything. */
const PARAGRAPHS = [
  ...["S5.1", "S5.3", "S7.2", "S8.1"].map((paragraph) => `forward accept ${paragraph}`),
  ...["S2.2", "S4.3", "S4.4", "S4.7", "S5.1", "S5.4", "S7.2", "S7.3", "S7.4"].map(
    (paragraph) => `forward drop ${paragraph}`,
  ),
  ...["S2.1", "S2.4", "S2.5", "S2.6", "S3.1", "S3.2", "S3.3", "S3.4", "S6.1", "S6.2", "S6.3", "S6.5", "S8.2"].map(
    (paragraph) => `input accept ${paragraph}`,
  ),
  ...["S2.3", "S6.1", "S6.4", "S6.8"].map((paragraph) => `input drop ${paragraph}`),
  ...["S2.1", "S2.4", "S2.5", "S2.6", "S3.1", "S3.2", "S3.3", "S3.4", "S5.1", "S5.2", "S5.3", "S8.1"].map(
    (paragraph) => `output accept ${paragraph}`,
  ),
  ...["S2.2", "S4.3", "S4.4", "S4.7", "S5.1", "S5.4"].map((paragraph) => `output drop ${paragraph}`),
];

/** Steering takes the mark from an engine's packet whose user the newest layer does not know; such an engine waits (S10). */
function isOfFormerEngine({ layers }: FirewallPolicy, packet: Packet): boolean {
  const last = layers.at(-1);
  if (packet.hook !== "output" || packet.uid === undefined || ownMark(packet) !== ENGINE_MARK) return false;
  return last === undefined || !engineUids(last).includes(packet.uid);
}

describe("the rendered rules", { timeout: 300_000 }, () => {
  test(`judge ${POLICIES * PACKETS_EACH} packets as the evaluator does (D9)`, () => {
    const seen = new Map<string, number>();
    for (const [index, policy] of policies.entries()) {
      const [inet] = render(policy);
      for (const [at, made] of packetsFor(index, PACKETS_EACH).entries()) {
        const packet = at % 5 === 0 && made.hook === "output" ? { ...made, stranger: true } : made;
        if (isOfFormerEngine(policy, packet)) continue;
        const expected = judge(policy, packet);
        const untracked = packet.reply === undefined && packet.protocol === 47;
        const found = verdictOf(inet, packet, { junk: JUNK, untracked });
        const key = `${packet.hook} ${expected.verdict} ${expected.reason.split(" ", 1).join("")}`;
        seen.set(key, (seen.get(key) ?? 0) + 1);
        if (found !== expected.verdict) {
          throw new Error(show(`${found} instead of ${expected.verdict} by ${expected.reason}`, packet, policy));
        }
      }
    }
    expect(PARAGRAPHS.filter((key) => (seen.get(key) ?? 0) < 5)).toEqual([]);
  });

  test("S5.6: judge as the evaluator does what they have judged before, whatever came between", () => {
    let [known, unsteered] = [0, 0];
    const unnamed = [UNNAMED, ...policies.filter(remembersVerdicts)];
    for (const [index, policy] of unnamed.entries()) {
      const [inet] = render(policy);
      const judged = new Map<string, Set<string>>();
      const stretch = packetsFor(index, 500);
      for (const packet of [...stretch, ...stretch]) {
        const wire = { junk: JUNK, judged };
        const found = verdictOf(inet, packet, wire);
        expect(found, show("judged before", packet, policy)).toBe(judge(policy, packet).verdict);
        if (packet.hook === "input" || found === "drop") continue;
        const again = runChain(inet, "leaving", packet, wire);
        known += again.remembered.length === 0 ? 1 : 0;
        const isSteered = runChain(inet, "steer", packet, wire).mark !== (packet.mark ?? 0);
        if (packet.hook === "output") unsteered += isSteered ? 0 : 1;
      }
    }
    expect(known).toBeGreaterThan(1000);
    expect(unsteered).toBeGreaterThan(100);
  });

  test("S5.6: remember no verdict that depends on more than the key", () => {
    const [layer] = UNNAMED.layers as [PolicyLayer];
    const fallsBack = { ...OFFICE, fallback: "direct" } as const;
    const others = [
      LAPTOP,
      policyOf({ ...layer, killSwitch: false }),
      policyOf({ ...layer, flows: { ...layer.flows, default: fallsBack } }),
      { steering: UNNAMED.steering, layers: [layer, layer] },
    ];
    const sets = (policy: FirewallPolicy) => render(policy)[0].sets.filter(({ set }) => set.name.startsWith("judged-"));
    expect(others.map((policy) => sets(policy).length)).toEqual([0, 0, 0, 0]);
    expect(sets(UNNAMED)).toHaveLength(4);
  });

  test("mark what leaves as the evaluator says", () => {
    for (const [index, policy] of policies.entries()) {
      const [inet] = render(policy);
      for (const packet of packetsFor(index, 150)) {
        if (packet.hook !== "output") continue;
        const { verdict, mark } = runChain(inet, "steer", packet);
        if (verdict === "drop") expect(judge(policy, packet).verdict, show("steering", packet, policy)).toBe("drop");
        else expect(mark, show("mark", packet, policy)).toBe(markAfterSteering(policy, packet));
      }
    }
  });

  test("S6.6: mark what arrives for its path, answers and guests' DNS that go on, and what else does with none of our bits; foreign bits stay", () => {
    const seen = { tunnel: 0, direct: 0, loopback: 0, onwards: 0, dns: 0, answers: 0 };
    for (const [index, policy] of policies.entries()) {
      const [inet] = render(policy);
      const numbers = new Map(policy.layers.flatMap(({ tunnels }) => tunnels.map((one) => [one.device, one.number])));
      for (const packet of packetsFor(index, 50)) {
        if (packet.hook === "output" || packet.forged) continue;
        const before = packet.mark ?? 0;
        const number = numbers.get(packet.inDevice ?? "");
        const isLoopback = packet.inDevice === LOOPBACK_DEVICE;
        const isAnswer = packet.hook === "forward" && packet.reply === true && number === undefined;
        const goesOn = packet.hook === "forward" && !isAnswer;
        const way = isLoopback ? "loopback" : goesOn ? "onwards" : number ? "tunnel" : "direct";
        const onwards = isGuestDns(policy, packet) ? GUEST_DNS_MARK : 0;
        const wanted = { loopback: before & MARK_MASK, onwards, tunnel: (number ?? 0) << 24, direct: 61 << 24 }[way];
        const { verdict, mark } = runChain(inet, "arriving", packet);
        const isRight = verdict === "accept" && mark === ((before & ~MARK_MASK) | wanted) >>> 0;
        if (!isRight) throw new Error(show(`${verdict} with mark ${mark.toString(16)}, ${way}`, packet, policy));
        seen[way] += 1;
        if (isAnswer) seen.answers += 1;
        if (wanted === GUEST_DNS_MARK) seen.dns += 1;
      }
    }
    expect(Object.entries(seen).filter(([way, count]) => count < (way === "dns" ? 1 : 50))).toEqual([]);
  });

  test("at egress let out whatever may leave, and of raw frames nothing else but answers known by port", () => {
    const seen = { leaving: 0, refused: 0, answers: 0 };
    for (const [index, policy] of policies.entries()) {
      const [inet, netdev] = render(policy);
      for (const made of packetsFor(index, 200)) {
        if (made.hook === "input" || !["eth0", "wlan0"].includes(made.outDevice ?? "")) continue;
        const packet = { ...made, mark: 0 };
        const wire: Wire = { junk: JUNK };
        const atEgress = (mark: number) =>
          runChain(netdev, "frames", { ...packet, mark }, { junk: JUNK, readsFragments: true }).verdict;
        const leaves = verdictOf(inet, packet, wire);
        if (leaves === "accept") {
          const mark = markWhereItLeaves(inet, packet, wire);
          expect(atEgress(mark), show("egress", packet, policy)).toBe("accept");
          seen.leaving += 1;
        }
        if (packet.hook !== "output" || packet.laterFragment || packet.uid === undefined) continue;
        const raw = atEgress(0);
        if (raw === "drop") seen.refused += 1;
        else if (leaves === "drop") {
          const answered = judge(policy, { ...packet, reply: true }).verdict === "accept";
          expect(answered, show("egress lets out more", packet, policy)).toBe(true);
          seen.answers += 1;
        }
      }
    }
    expect(Object.entries(seen).filter(([, count]) => count < 10)).toEqual([]);
  });

  test("S2.6: let the kernel's solicitations to any neighbour leave in a frame, and no longer ones", () => {
    const [source, destination] = ["2001:db8:9::1", "2001:db8:9::2"].map(parseIp);
    const icmp = { protocol: 58, icmpType: 135, hopLimit: 255, outDevice: "eth0" };
    const solicit = { hook: "output", source, destination, ...icmp } as Packet;
    const verdictOf = (egress: RenderedTable, bytes: number) =>
      runChain(egress, "frames", { ...solicit, bytes }, { readsFragments: true }).verdict;
    const closed = policies.map((policy) => render(policy)[1]).filter((egress) => verdictOf(egress, 960) === "drop");
    expect(closed.length).toBeGreaterThan(20);
    for (const egress of closed.slice(0, 20)) {
      expect([112, 113].map((bytes) => verdictOf(egress, bytes))).toEqual(["accept", "drop"]);
    }
  });
});
