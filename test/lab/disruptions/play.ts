import { renameSync, writeFileSync } from "node:fs";
import type { Leak } from "../judge/judge.ts";
import type { Session } from "../judge/session.ts";
import { place } from "../world/place.ts";
import type { World } from "../world/world.ts";
import { chanceOf, type Disruption, onClient, type Product, type Scene, sleep, type Variant } from "./disruption.ts";
import { fileDisruptions } from "./files.ts";
import { kernelDisruptions } from "./kernel.ts";
import { processDisruptions } from "./processes.ts";
import { carriesTraffic, differenceOf, shapeOf } from "./shape.ts";
import type { Played } from "./story-text.ts";
import { bringUp, uplinkDisruptions } from "./uplink.ts";

/** Every kind there is. */
const disruptions: readonly Disruption[] = [
  ...uplinkDisruptions,
  ...kernelDisruptions,
  ...processDisruptions,
  ...fileDisruptions,
];

export interface Story {
  readonly seed: number;
  readonly count: number;
  /** How long the machine may take to recover. Default 30 s. */
  readonly limitMs?: number;
}

const LIMIT_MS = 30_000;
const LOOK_MS = 50;

/**
 * Plays a seeded story of disruptions, each kind once before any comes again. After each one it waits until the machine has
 * the shape that its configuration had at the start and carries traffic; one that does not within 30 s is noted, and
 * a person's apply puts it right so that the story can go on.
 */
export async function playStory(world: World, product: Product, session: Session, story: Story): Promise<Played[]> {
  const chance = chanceOf(story.seed);
  const home = { v4: place.v4.client, v6: place.v6.client };
  const scene: Scene = { world, product, chance, home, variant: 0 };
  const shapes = { 1: await shapeWhenSettled(scene, 1), 0: await shapeWhenSettled(scene, 0) };
  const played: Played[] = [];
  let deck: Disruption[] = [];
  while (played.length < story.count) {
    if (deck.length === 0) deck = chance.shuffle(disruptions);
    const [disruption] = deck.splice(0, 1);
    if (disruption === undefined) break;
    const fromMs = Date.now();
    await disruption.play(scene);
    const one = { name: disruption.name, fromMs, ...(await untilRecovered(scene, shapes, story.limitMs ?? LIMIT_MS)) };
    played.push(one);
    if (one.complaint !== undefined) await product.applyByHand();
    await session.rounds(1);
  }
  await goHome(scene);
  return played;
}

/** Under which disruption a leak began. */
export function disruptionAt(played: readonly Played[], { firstAtMs }: Leak): string {
  return played.findLast(({ fromMs }) => fromMs <= firstAtMs)?.name ?? "(before the first)";
}

/** Gives the client the addresses back that it had. */
async function goHome(scene: Scene): Promise<void> {
  const { v4, v6 } = scene.home;
  scene.home = { v4: place.v4.client, v6: place.v6.client };
  if (v4 !== scene.home.v4) await onClient(scene, `ip address delete ${v4}/24 dev ${place.device}`);
  if (v6 !== scene.home.v6) await onClient(scene, `ip address delete ${v6}/64 dev ${place.device}`);
  await bringUp(scene);
}

async function untilRecovered(
  scene: Scene,
  shapes: Readonly<Record<Variant, string>>,
  limitMs: number,
): Promise<Pick<Played, "shapeMs" | "trafficMs" | "complaint">> {
  const startMs = performance.now();
  const endMs = startMs + limitMs;
  let shapeMs: number | undefined;
  let trafficMs: number | undefined;
  let shape = "";
  // Side by side: an unanswered ping takes a second, in which the shape may come back.
  const answered = untilTraffic(scene, endMs).then((atMs) => {
    trafficMs = atMs === undefined ? undefined : atMs - startMs;
  });
  for (;;) {
    shape = await shapeOf(scene);
    shapeMs = shape === shapes[scene.variant] ? (shapeMs ?? performance.now() - startMs) : undefined;
    if (performance.now() > endMs || (shapeMs !== undefined && trafficMs !== undefined)) break;
    await sleep(LOOK_MS);
  }
  await answered;
  if (shapeMs !== undefined && trafficMs !== undefined) return { shapeMs, trafficMs };
  const wrong = shapeMs === undefined ? differenceOf(shapes[scene.variant], shape) : "no traffic";
  return { shapeMs, trafficMs, complaint: `${wrong}\nthe loop reported last: ${scene.product.lastWords}` };
}

/** When a ping by each IP version was answered. */
async function untilTraffic(scene: Scene, endMs: number): Promise<number | undefined> {
  while (performance.now() <= endMs) {
    if (await carriesTraffic(scene)) return performance.now();
    await sleep(LOOK_MS);
  }
  return undefined;
}

async function shapeWhenSettled(scene: Scene, variant: Variant): Promise<string> {
  const { product } = scene;
  scene.variant = variant;
  writeFileSync(`${product.configFile}.new`, product.configText(variant));
  renameSync(`${product.configFile}.new`, product.configFile);
  const endMs = Date.now() + 2 * LIMIT_MS;
  while (!((await product.saysInSync()) && (await carriesTraffic(scene)))) {
    if (Date.now() > endMs) throw new Error(`it never settled: ${product.lastWords}`);
    await sleep(LOOK_MS);
  }
  return shapeOf(scene);
}
