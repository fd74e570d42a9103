import fc from "fast-check";
import { expect } from "vitest";
import { deviceConfig, endpoint, GOOD_LINK, innerPacket, type LinkFaults, numberIn, World } from "./link.ts";

/** How bad the link is. */
const linkFaults: fc.Arbitrary<LinkFaults> = fc
  .record({
    loss: fc.integer({ min: 0, max: 350 }),
    duplication: fc.integer({ min: 0, max: 300 }),
    minDelay: fc.integer({ min: 0, max: 50 }),
    spread: fc.integer({ min: 0, max: 600 }),
  })
  .map(({ spread, ...rest }) => ({ ...rest, maxDelay: rest.minDelay + spread }));

type Step =
  | { readonly kind: "send"; readonly from: 1 | 2; readonly burst: number }
  | { readonly kind: "wait"; readonly milliseconds: number }
  | { readonly kind: "restart"; readonly of: 1 | 2 }
  /** Only one side moves: when both do at once, neither can find the other, in any WireGuard. */
  | { readonly kind: "move"; readonly of: 1 };

const side = fc.constantFrom<1 | 2>(1, 2);
/** What happens on it. */
const linkSteps: fc.Arbitrary<Step> = fc.oneof(
  {
    weight: 8,
    arbitrary: fc.record({ kind: fc.constant("send" as const), from: side, burst: fc.integer({ min: 1, max: 6 }) }),
  },
  {
    weight: 6,
    arbitrary: fc.record({
      kind: fc.constant("wait" as const),
      milliseconds: fc.oneof(fc.integer({ min: 1, max: 900 }), fc.integer({ min: 5_000, max: 70_000 })),
    }),
  },
  { weight: 1, arbitrary: fc.record({ kind: fc.constant("restart" as const), of: side }) },
  { weight: 1, arbitrary: fc.record({ kind: fc.constant("move" as const), of: fc.constant(1 as const) }) },
);

/** Plays the steps between devices 1 and 2; every packet carries a number of its own, odd from 1, even from 2. */
export class Play {
  readonly world: World;
  readonly sent = new Map<number, Uint8Array>();
  #number = 0;
  #port = 51820;

  constructor(seed: number, link: LinkFaults) {
    this.world = new World(seed, link);
    for (const self of [1, 2] as const) this.world.add(`${self}`, deviceConfig(self, [3 - self]), endpoint(self));
  }

  step(step: Step): void {
    const { world } = this;
    if (step.kind === "wait") world.runFor(step.milliseconds);
    else if (step.kind === "send") for (let count = 0; count < step.burst; count += 1) this.send(step.from);
    else if (step.kind === "restart") {
      const { at, device } = world.of(`${step.of}`);
      device.close();
      world.devices.delete(`${step.of}`);
      world.runFor(1_000);
      world.add(`${step.of}`, deviceConfig(step.of, [3 - step.of]), at);
      this.#port = 51820;
      for (const self of [1, 2]) world.move(`${self}`, endpoint(self));
      const other = world.of(`${3 - step.of}`).device;
      for (const peer of other.peers()) other.setEndpoint(peer.publicKey, endpoint(step.of));
    } else {
      this.#port += 1;
      world.move(`${step.of}`, endpoint(step.of, this.#port));
      this.send(step.of);
    }
  }

  send(from: 1 | 2): number {
    this.#number += 2;
    const number = this.#number + from - 1;
    const packet = innerPacket(from, 3 - from, number, 40 + (number % 200));
    this.sent.set(number, packet);
    this.world.send(`${from}`, packet);
    return number;
  }
}

/** Plays one game and judges it: nothing twice, nothing mixed up, and once the link is good everything flows again. */
export function playAndJudge(seed: number, link: LinkFaults, moves: readonly Step[]): void {
  const game = new Play(seed, link);
  for (const move of moves) game.step(move);
  const { world } = game;
  world.runFor(1_000);
  world.faults = GOOD_LINK;
  // What the bad link left behind may take two silences (15 s each, with jitter) and a retry to be noticed.
  for (let second = 0; second < 45; second += 1) {
    game.send(1);
    game.send(2);
    world.runFor(1_000);
  }
  const late = [game.send(1), game.send(2)];
  world.runFor(1_000);

  const arrived = world.delivered.map(({ bytes }) => numberIn(bytes));
  expect(new Set(arrived).size).toBe(arrived.length);
  for (const { to, bytes } of world.delivered) {
    const number = numberIn(bytes);
    expect(to).toBe(number % 2 === 0 ? "2" : "1");
    expect(bytes).toEqual(game.sent.get(number));
  }
  expect(arrived).toEqual(expect.arrayContaining(late));
}

/** Seed, link and steps of one game. */
export function games(maxSteps: number): fc.Arbitrary<[number, LinkFaults, Step[]]> {
  const steps = fc.array(linkSteps, { minLength: 10, maxLength: maxSteps });
  return fc.tuple(fc.integer({ min: 1, max: 2 ** 30 }), linkFaults, steps);
}
