import { waitFor } from "../../../lab/world/command.ts";
import type { Role, World } from "../../../lab/world/world.ts";
import type { JudgedWorld } from "../../judged-world.ts";
import { PORTS } from "./cases.ts";

/** Where a flow's first packet came out. */
export type Fate = "first" | "second" | "clear" | "nowhere";
type Place = Exclude<Fate, "nowhere">;
/** Places at which each source port was seen. */
export type Seen = ReadonlyMap<number, readonly Place[]>;

/** Counts datagrams and SYNs of cases by their source port: out of each tunnel, and in the clear on the client's wire. */
export class PathCounts {
  readonly #judged: JudgedWorld;

  constructor(judged: JudgedWorld) {
    this.#judged = judged;
  }

  /** From zero. */
  async begin(): Promise<void> {
    const { world, first, second } = this.#judged;
    const asked = `${PORTS.first}-${PORTS.last}`;
    const datagram = `udp dport ${asked}`;
    const syn = `tcp dport ${asked} tcp flags & (syn | ack) == syn`;
    const set = (name: string) => `set ${name} { type inet_service; size 65535; flags dynamic; counter; }`;
    const add = (from: string, name: string) => [
      `${from} ${datagram} add @${name} { udp sport }`,
      `${from} ${syn} add @${name} { tcp sport }`,
    ];
    await load(world, "vpn", "inet", [
      set("first"),
      set("second"),
      "chain pre { type filter hook prerouting priority -300;",
      ...add(`iifname "${first.device}"`, "first"),
      ...add(`iifname "${second.device}"`, "second"),
      "}",
    ]);
    await load(world, "internet", "netdev", [
      set("clear"),
      "chain wire { type filter hook ingress device client0 priority 0;",
      ...add("", "clear"),
      "}",
    ]);
  }

  /** What was seen, after every one of these source ports was, or two seconds. */
  async seen(wanted: readonly number[]): Promise<Seen> {
    let latest: Seen = new Map();
    const isComplete = async () => {
      latest = await this.#read();
      return wanted.every((port) => latest.has(port)) ? latest : undefined;
    };
    await waitFor("packets", isComplete, 2000, 100).catch(() => undefined);
    return latest;
  }

  async #read(): Promise<Seen> {
    const { world } = this.#judged;
    const found = new Map<number, Place[]>();
    const places = [
      ["first", "vpn", "inet"],
      ["second", "vpn", "inet"],
      ["clear", "internet", "netdev"],
    ] as const;
    for (const [place, role, family] of places) {
      const text = await world.inside(role, ["nft", "list", "set", family, "cases", place]);
      for (const [, port] of text.matchAll(/(\d+) counter packets/g)) {
        found.set(Number(port), [...(found.get(Number(port)) ?? []), place]);
      }
    }
    return found;
  }
}

async function load(world: World, role: Role, family: string, lines: readonly string[]): Promise<void> {
  const table = `table ${family} cases`;
  await world.inside(role, ["nft", "-f", "-"], [table, `delete ${table}`, `${table} {`, ...lines, "}\n"].join("\n"));
}
