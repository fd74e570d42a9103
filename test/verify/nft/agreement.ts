import { rmSync } from "node:fs";
import fc from "fast-check";
import { expect } from "vitest";
import { PROTOCOL } from "../../../src/model/firewall/packet.ts";
import type { FirewallPolicy } from "../../../src/model/firewall/policy.ts";
import { renderIp } from "../../../src/model/ip.ts";
import { ENGINE_MARK, MARK_MASK } from "../../../src/model/ownership.ts";
import {
  describePacket,
  GUEST,
  makeTwoEnds,
  rawFrameOf,
  rememberFlows,
  type TwoEnds,
} from "../../host/linux/nft/two-ends.ts";
import { temporaryFolder } from "../../support/folder.ts";
import { SEED } from "../../support/seeded.ts";
import { answersTo, moreOf } from "./sample-flows.ts";
import {
  type AskedPacket,
  askedOf,
  bytesOfSample,
  type PacketSets,
  type Sample,
  sampleArbitrary,
} from "./sampled-packets.ts";

/** A lost packet is sent again so often before it counts: a busy machine may lose one. */
const ATTEMPTS = 3;

/** Somebody's meddling with the tables, as nft commands; `kinds` are the findings that verify must have of it. */
export interface Meddling {
  readonly name: string;
  readonly commands: readonly string[];
  /** The device by which it gives IPv4 packets the device's own address as source. */
  readonly masquerades?: "eth0";
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
  {
    name: "established flows let through",
    commands: [
      ...["leaving", "crossing", "entering"].map(
        (chain) => `insert rule inet awg ${chain} ct state established accept`,
      ),
      "insert rule netdev awg frames accept",
    ],
  },
  {
    name: "guests let across",
    commands: [
      ...["leaving", "crossing"].map((chain) => `insert rule inet awg ${chain} iifname "guest0" accept`),
      ...GUEST.addresses.map(
        (text) => `insert rule netdev awg frames ${text.includes(":") ? "ip6" : "ip"} saddr ${text} accept`,
      ),
    ],
  },
];

/** Another program's rules on what crosses the machine and what conntrack knows: they can only drop more. */
export const FOREIGN_CROSSING: Meddling = {
  name: "another program's rules on crossing and on flows",
  commands: [
    "add table inet theirs",
    "add chain inet theirs through { type filter hook forward priority 10; policy accept; }",
    "add rule inet theirs through ct state established udp dport != 27000 accept",
    'add rule inet theirs through iifname "guest0" udp dport { 53, 443, 8000-8999 } counter drop',
    'add rule inet theirs through oifname "guest0" ct state new tcp sport 22 drop',
    "add rule inet theirs through ct direction reply ip saddr 203.0.113.0/24 drop",
    "add chain inet theirs into { type filter hook input priority 10; policy accept; }",
    "add rule inet theirs into ct state vmap { related : drop, invalid : drop }",
    "add rule inet theirs into ct direction reply udp sport 1-500 drop",
    "add chain inet theirs out { type filter hook output priority 10; policy accept; }",
    "add rule inet theirs out ct state established udp dport 400-600 drop",
  ],
};

/** Another program's translation of addresses: what leaves a device bears that device's address. */
export const MASQUERADE: Meddling = {
  name: "another program's masquerade",
  masquerades: "eth0",
  commands: [
    "add table ip theirs",
    "add chain ip theirs post { type nat hook postrouting priority 100; policy accept; }",
    'add rule ip theirs post oifname "eth0" masquerade',
  ],
};
const OWN_ADDRESS = { eth0: "198.51.100.2" } as const;

/** Lets go of all flows (nfnetlink: IPCTNL_MSG_CT_DELETE for no flow in particular), so that each ruleset meets new ones. */
const FORGET_FLOWS = `import socket, struct
s = socket.socket(16, socket.SOCK_RAW, 12)
s.send(struct.pack("=IHHII4x", 20, (1 << 8) | 2, 5, 1, 0))
s.recv(4096)`;

/** Two namespaces with a policy loaded in one, to hold what verify computes against what really comes through. */
export class Agreement implements Disposable {
  readonly #ends: TwoEnds = makeTwoEnds({ hasGuest: true });
  readonly #runDir = temporaryFolder("agreement");

  /** Loads the policy afresh; nobody owns the tables afterwards, so that they may be meddled with. */
  load(policy: FirewallPolicy, { commands, programs = [], without = [] }: Meddling): void {
    const request = { runDir: this.#runDir, policy };
    const loaded = this.#ends.here.runScript("test/host/linux/nft/load-policy.script.ts", request);
    expect(loaded).toMatchObject({ damage: [], policy: {} });
    for (const table of ["inet theirs", "ip theirs"])
      this.#ends.here.run(["nft", `delete table ${table}`], { mayFail: true });
    this.#ends.here.run(["nft", "-f", "-"], { input: commands.join("\n") });
    for (const words of programs) this.#ends.here.run(words);
    for (const { family, chain, comment } of without) this.#deleteRules(family, chain, comment);
    rememberFlows(this.#ends);
    this.#ends.here.run(["python3", "-c", FORGET_FLOWS]);
  }

  /**
   * Sends every sample for real and compares with the sets of packets that verify computes from the rules in the kernel;
   * then, unless nothing is to go on, the answers to all flows that came to be, and more packets of them.
   */
  compare(policy: FirewallPolicy, meddling: Meddling, drawn: readonly Sample[], goesOn = true): Compared {
    const { masquerades } = meddling;
    const samples = masquerades === undefined ? drawn : drawn.filter(isTranslatable);
    // Who would answer a translated packet does not know whom.
    const opening = goesOn && masquerades === undefined ? [...samples.entries()] : [];
    const later = [answersTo, moreOf].map((further) =>
      opening.flatMap(([of, sample]) => further(sample, of).map((next) => ({ of, next }))),
    );
    const all = [...samples, ...later.flat().map(({ next }) => next)];
    const packets = all.map((sample) => translated(askedOf(sample), masquerades));
    const script = "test/verify/nft/packet-sets.script.ts";
    const { verdicts, kinds } = this.#ends.here.runScript(script, { policy, packets }) as PacketSets;
    const sent = [...samples.keys()];
    this.#expectAlike(all, verdicts, sent);
    let next = samples.length;
    for (const phase of later) {
      const ids = phase.map(({ of }, index) => ({ of, id: next + index })).filter(({ of }) => verdicts[of] === true);
      this.#expectAlike(
        all,
        verdicts,
        ids.map(({ id }) => id),
      );
      sent.push(...ids.map(({ id }) => id));
      next += phase.length;
    }
    return { kinds, passed: sent.filter((id) => verdicts[id]).length, samples: sent.map((id) => all[id] as Sample) };
  }

  /** Sends what has these numbers, and expects that to come through which verify says. */
  #expectAlike(samples: readonly Sample[], verdicts: readonly boolean[], ids: readonly number[]): void {
    let open = ids;
    const leaked: number[] = [];
    for (let attempt = 0; attempt < ATTEMPTS && open.length > 0; attempt += 1) {
      const came = this.#send(open.map((id) => [id, samples[id] as Sample]));
      leaked.push(...open.filter((id) => came.has(id) && verdicts[id] !== true));
      open = open.filter((id) => !came.has(id) && verdicts[id] === true);
    }
    const describeId = (id: number): string => {
      const { packet, ...rest } = samples[id] as Sample;
      return `${JSON.stringify(rest)} ${describePacket(packet)}`;
    };
    const differences = { seed: SEED, cameThrough: leaked.map(describeId), neverCame: open.map(describeId) };
    expect(differences).toEqual({ seed: SEED, cameThrough: [], neverCame: [] });
  }

  #send(samples: readonly (readonly [number, Sample])[]): ReadonlySet<number> {
    const bytesOf = new Map(samples.map(([id, sample]) => [id, bytesOfSample(sample)]));
    const packets = samples.flatMap(([id, { packet, isFrame }]) => (isFrame ? [] : [[id, packet] as const]));
    const frames = samples.flatMap(([id, { packet, isFrame }]) =>
      isFrame ? [[id, rawFrameOf(id, packet, bytesOf.get(id))] as const] : [],
    );
    const seen = this.#ends.exchange(
      packets,
      frames,
      (packet, magic, id) => bytesOf.get(id)?.(packet, magic, id) ?? [],
    );
    expect(seen.complete).toBe(true);
    return new Set([...seen.in, ...Object.values(seen.out).flat()]);
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

/** What was compared, one ruleset's. */
export interface Compared {
  readonly kinds: PacketSets["kinds"];
  readonly passed: number;
  readonly samples: readonly Sample[];
}

/** Whether conntrack takes the packet for one that it can give another source, or it is none that would get one. */
function isTranslatable({ packet, isFrame }: Sample): boolean {
  const { hook, outDevice, protocol, destination } = packet;
  if (isFrame || hook === "input" || outDevice !== "eth0" || destination.family === 6) return true;
  return [PROTOCOL.tcp, PROTOCOL.udp].includes(protocol as 6 | 17);
}

/** The packet as it stands on the wire behind the translation, which is how policies speak of sources (S2.2). */
function translated(asked: AskedPacket, device: Meddling["masquerades"]): AskedPacket {
  if (device === undefined || asked.out !== device || asked.hook === "frame" || asked.destination.includes(":"))
    return asked;
  return { ...asked, source: OWN_ADDRESS[device] };
}

/**
 * Seeded samples, no two of which are of one flow, nor would be with another source: conntrack would know it, and a
 * translation give the second another port.
 */
export function drawSamples(count: number): readonly Sample[] {
  const taken = new Set<string>();
  return fc.sample(sampleArbitrary, { seed: SEED, numRuns: count }).filter(({ packet, isFrame }) => {
    if (isFrame) return true;
    const { source, destination, protocol, sourcePort, destinationPort } = packet;
    const there = [protocol, sourcePort, destinationPort, renderIp(destination)].join();
    const back = [protocol, destinationPort, sourcePort, renderIp(source)].join();
    if (taken.has(there) || taken.has(back)) return false;
    taken.add(there).add(back);
    return true;
  });
}
