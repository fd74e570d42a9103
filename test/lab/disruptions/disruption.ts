import type { World } from "../world/world.ts";

/** A seeded source of chance: the same seed plays the same story. */
export interface Chance {
  /** In [0, 1). */
  next(): number;
  /** A whole number from `least` to `most`, both included. */
  between(least: number, most: number): number;
  pick<T>(things: readonly T[]): T;
  shuffle<T>(things: readonly T[]): T[];
}

/** mulberry32 (Tommy Ettinger): 32 bits of state, good enough to choose what to break next. */
export function chanceOf(seed: number): Chance {
  let state = seed >>> 0;
  const next = (): number => {
    state = (state + 0x6d2b79f5) >>> 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 0x1_0000_0000;
  };
  const between = (least: number, most: number): number => least + Math.floor(next() * (most - least + 1));
  return {
    next,
    between,
    pick: (things) => {
      const picked = things[between(0, things.length - 1)];
      if (picked === undefined) throw new Error("there is nothing to pick from");
      return picked;
    },
    shuffle: (things) =>
      things
        .map((thing) => ({ thing, at: next() }))
        .sort((a, b) => a.at - b.at)
        .map(({ thing }) => thing),
  };
}

/** The process of the product that is meant: the loop, what outlives it, or what speaks to the server. */
export type Part = "daemon" | "keeper" | "engine";

/** What is disrupted, as far as one must know it to disrupt it. The lab shares no code with it. */
export interface Product {
  /** The tunnel's device. */
  readonly device: string;
  /** The file it reads its configuration from. */
  readonly configFile: string;
  /** The resolv.conf that it keeps. */
  readonly resolvConf: string;
  /** One of its two configurations, of different policies, both of the same tunnel. */
  configText(variant: Variant): string;
  pids(part: Part): Promise<readonly number[]>;
  /** Starts its loop again; returns when it runs, which may be before it has looked at the machine. */
  startDaemon(): Promise<void>;
  /** The command a person types beside a running loop; gives its exit status. */
  applyByHand(): Promise<number>;
  /** Whether it says itself that the machine is as configured. */
  saysInSync(): Promise<boolean>;
  /** What its loop told last, for failures. */
  readonly lastWords: string;
}

export type Variant = 0 | 1;

/** Where a disruption takes place and what it may change for good. */
export interface Scene {
  readonly world: World;
  readonly product: Product;
  readonly chance: Chance;
  /** The client's addresses on its uplink now: a renumbering changes them. */
  home: { v4: string; v6: string };
  /** Which configuration stands in the file now. */
  variant: Variant;
}

/** One thing that happens to a machine. When `play` has ended, all that is not the product's to repair is put right. */
export interface Disruption {
  readonly name: string;
  play(scene: Scene): Promise<void>;
}

export function sleep(ms: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, ms));
}

/** Runs a shell line on the client; a line that fails is part of the disruption. */
export async function onClient({ world }: Scene, line: string): Promise<void> {
  await world.inside("client", ["sh", "-c", `${line}; true`]);
}
