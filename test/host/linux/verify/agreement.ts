import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import fc from "fast-check";
import { expect } from "vitest";
import type { Packet } from "../../../../src/model/firewall/packet.ts";
import type { FirewallPolicy } from "../../../../src/model/firewall/policy.ts";
import { renderIp } from "../../../../src/model/ip.ts";
import { ENGINE_MARK, MARK_MASK } from "../../../../src/model/ownership.ts";
import { SEED } from "../../../support/seeded.ts";
import { describePacket, END_DEVICES, makeTwoEnds, rawFrameOf, type TwoEnds } from "../firewall/two-ends.ts";
import { askedOf, type PacketSets, type Sample, sampleArbitrary } from "./sampled-packets.ts";

/** A lost packet is sent again so often before it counts: a busy machine may lose one. */
const ATTEMPTS = 3;

/** Somebody's meddling with the tables, as nft commands; `kinds` are the findings that verify must have of it. */
export interface Meddling {
  readonly name: string;
  readonly commands: readonly string[];
  /** Other commands, as words. */
  readonly programs?: readonly (readonly string[])[];
  /** Comments whose rules are deleted, by chain. */
  readonly without?: readonly { readonly family: string; readonly chain: string; readonly comment: string }[];
}

const engine = `meta mark and ${MARK_MASK} == ${ENGINE_MARK}`;
const both = (condition: string, egress = condition): string[] => [
  `insert rule inet awg leaving ${condition} accept`,
  `insert rule netdev awg frames ${egress} accept`,
];
const dns = ["inet steer", "inet paths", "netdev out"].map((place) => {
  const [family = "", chain = ""] = place.split(" ");
  return { family, chain, comment: "S4.3" };
});

export const MEDDLINGS: readonly Meddling[] = [
  { name: "nothing", commands: [] },
  { name: "a port let out", commands: both("tcp dport 8443") },
  { name: "IPv4 only", commands: both("meta nfproto ipv6", "meta protocol ip6") },
  { name: "mark without user", commands: both(engine) },
  { name: "no egress hook", commands: ["delete table netdev awg"] },
  { name: "DNS is judged like the rest", commands: [], without: dns },
];

/** Two namespaces with a policy loaded in one, to hold what verify computes against what really comes through. */
export class Agreement implements Disposable {
  readonly #ends: TwoEnds = makeTwoEnds();
  readonly #runDir = mkdtempSync(join(tmpdir(), "awg-agreement-"));

  /** Loads the policy afresh; nobody owns the tables afterwards, so that they may be meddled with. */
  load(policy: FirewallPolicy, { commands, programs = [], without = [] }: Meddling): void {
    const request = { runDir: this.#runDir, policy };
    const loaded = this.#ends.here.runScript("test/host/linux/firewall/load-policy.script.ts", request);
    expect(loaded).toMatchObject({ damage: [], policy: {} });
    this.#ends.here.run(["nft", "-f", "-"], { input: commands.join("\n") });
    for (const words of programs) this.#ends.here.run(words);
    for (const { family, chain, comment } of without) this.#deleteRules(family, chain, comment);
  }

  /**
   * Sends every sample for real and compares with the sets of packets that verify computes from the rules in the kernel.
   * @returns what verify found, and how many samples came through
   */
  compare(policy: FirewallPolicy, samples: readonly Sample[]): PacketSets & { readonly passed: number } {
    const question = { policy, packets: samples.map(askedOf) };
    const sets = this.#ends.here.runScript("test/host/linux/verify/packet-sets.script.ts", question) as PacketSets;
    let open = [...samples.keys()];
    const leaked: number[] = [];
    for (let attempt = 0; attempt < ATTEMPTS && open.length > 0; attempt += 1) {
      const came = this.#send(open.map((id) => [id, samples[id] as Sample]));
      leaked.push(...open.filter((id) => came.has(id) && sets.verdicts[id] !== true));
      open = open.filter((id) => !came.has(id) && sets.verdicts[id] === true);
    }
    const describeId = (id: number): string => {
      const { packet, isFrame } = samples[id] as Sample;
      return `${isFrame ? "frame " : ""}${describePacket(packet)}`;
    };
    const differences = { seed: SEED, cameThrough: leaked.map(describeId), neverCame: open.map(describeId) };
    expect(differences).toEqual({ seed: SEED, cameThrough: [], neverCame: [] });
    return { ...sets, passed: sets.verdicts.filter(Boolean).length };
  }

  #send(samples: readonly (readonly [number, Sample])[]): ReadonlySet<number> {
    const packets = samples.flatMap(([id, { packet, isFrame }]) => (isFrame ? [] : [[id, packet] as const]));
    const frames = samples.flatMap(([id, { packet, isFrame }]) =>
      isFrame ? [[id, rawFrameOf(id, packet)] as const] : [],
    );
    const seen = this.#ends.exchange(packets, frames);
    expect(seen.complete).toBe(true);
    return new Set([...seen.in, ...END_DEVICES.flatMap((device) => seen.out[device] ?? [])]);
  }

  #deleteRules(family: string, chain: string, comment: string): void {
    const { stdout } = this.#ends.here.run(["nft", "-j", "-a", "list", "chain", family, "awg", chain]);
    const listed = JSON.parse(stdout) as { nftables: { rule?: { handle: number; comment?: string } }[] };
    const handles = listed.nftables.flatMap(({ rule }) => (rule?.comment?.startsWith(comment) ? [rule.handle] : []));
    expect(handles.length).toBeGreaterThan(0);
    for (const handle of handles) this.#ends.here.run(["nft", `delete rule ${family} awg ${chain} handle ${handle}`]);
  }

  [Symbol.dispose](): void {
    this.#ends[Symbol.dispose]();
    rmSync(this.#runDir, { recursive: true, force: true });
  }
}

/** Seeded samples, none of which is the answer to another: conntrack would know its flow. */
export function drawSamples(count: number): readonly Sample[] {
  const drawn = fc.sample(sampleArbitrary, { seed: SEED, numRuns: count });
  const flow = ({ protocol, sourcePort, destinationPort }: Packet, from: string, to: string, turned: boolean): string =>
    [protocol, from, to, ...(turned ? [destinationPort, sourcePort] : [sourcePort, destinationPort])].join();
  const ends = ({ source, destination }: Packet) => [renderIp(source), renderIp(destination)] as const;
  const sent = new Set(
    drawn.map(({ packet }) => (packet.hook === "output" ? flow(packet, ...ends(packet), false) : "")),
  );
  return drawn.filter(({ packet }) => {
    const [source, destination] = ends(packet);
    return packet.hook === "output" || !sent.has(flow(packet, destination, source, true));
  });
}
