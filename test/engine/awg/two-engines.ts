import type { UapiParameters } from "../../../src/engine/awg/parameters.ts";
import type { DeviceConfig } from "../../../src/engine/device.ts";
import { deviceConfig, endpoint, innerPacket, type LinkFaults, numberIn, World } from "../support/link.ts";
import { engineOptions } from "./engine-options.ts";

/** A link that loses one of five, doubles one of ten and reorders. */
export const BAD_LINK: LinkFaults = { loss: 200, duplication: 100, minDelay: 1, maxDelay: 60 };

/** Far beyond what ten handshakes in a row take to be lost (5.4 s each); virtual time. */
const PATIENCE_MS = 300_000;

export interface Talk {
  /** Whether each side got at least one packet of the other. */
  readonly heard: readonly [a: boolean, b: boolean];
  /** Inner packets that came more than once, or that nobody sent. */
  readonly wrong: number;
  /** Of the 20 packets said after each had heard the other, how many did not come. */
  readonly lost: number;
}

/**
 * Two engines with these parameters on a link of virtual time: each sends packets of many sizes until each was heard,
 * then 20 more on the same link; a packet may be lost by the link, but never come twice or changed.
 */
export function talk(
  own: UapiParameters,
  other: UapiParameters,
  seed: number,
  link: LinkFaults = BAD_LINK,
  patienceMs = PATIENCE_MS,
): Talk {
  const world = new World(seed, link);
  const sides = ["a", "b"] as const;
  const options = (values: UapiParameters, more: number): Partial<DeviceConfig> => engineOptions(values, seed + more);
  world.add("a", deviceConfig(1, [2], options(own, 1)), endpoint(1));
  world.add("b", deviceConfig(2, [1], options(other, 2)), endpoint(2));
  let number = 0;
  const say = (side: "a" | "b"): void => {
    number += 1;
    const bytes = 24 + ((number * 97) % 1300);
    world.send(side, side === "a" ? innerPacket(1, 2, number, bytes) : innerPacket(2, 1, number, bytes));
  };
  const heardBy = (side: string): boolean => world.delivered.some(({ to }) => to === side);
  const end = world.now + patienceMs;
  while (world.now < end && !(heardBy("a") && heardBy("b"))) {
    for (const side of sides) if (world.now % 2000 < 1000 || side === "b") say(side);
    world.runFor(1000);
  }
  const before = number;
  for (let more = 0; more < 10; more += 1) {
    for (const side of sides) say(side);
    world.runFor(100);
  }
  world.runFor(1000);
  const later = new Set(world.delivered.map(({ bytes }) => numberIn(bytes)).filter((one) => one > before));
  return { heard: [heardBy("a"), heardBy("b")], wrong: wrongOnes(world, number), lost: number - before - later.size };
}

function wrongOnes(world: World, sent: number): number {
  const seen = new Set<number>();
  let wrong = 0;
  for (const { bytes } of world.delivered) {
    const number = numberIn(bytes);
    const isWhole = number >= 1 && number <= sent && bytes.length === 24 + ((number * 97) % 1300);
    if (!isWhole || seen.has(number)) wrong += 1;
    seen.add(number);
  }
  return wrong;
}
