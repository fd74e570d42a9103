import { dock, layDock } from "../../lab/disruptions/dock.ts";
import { disruptionAt, playStory, type Story } from "../../lab/disruptions/play.ts";
import { type Played, renderStory } from "../../lab/disruptions/story-text.ts";
import { arpOf, type Exception, neighbourDiscoveryOf } from "../../lab/judge/exception.ts";
import { type Judgement, renderJudgement } from "../../lab/judge/judge.ts";
import { Session } from "../../lab/judge/session.ts";
import { place } from "../../lab/world/place.ts";
import { expecting, type JudgedWorld, sessionOptions } from "../judged-world.ts";
import { type Build, DisruptedAwg } from "./disrupted-awg.ts";

/** What the link needs, with every address that a disruption gives the client. */
const exceptions: readonly Exception[] = [
  arpOf([place.v4.client, dock.v4, dock.renumbered4, "198.51.100.77"]),
  neighbourDiscoveryOf([place.v6.client, dock.v6, dock.renumbered6, "2001:db8:100::77"]),
];

/** How a story under the judge ended. */
export interface Told {
  readonly judgement: Judgement;
  readonly played: readonly Played[];
  /** Everything a failure needs: seed, times, what did not recover, each leak with its disruption. */
  readonly text: string;
}

/** A prober that shares two cores with all this may take long for a round without having stalled. */
const proberLimitMs = 120_000;

/** One story against a fresh daemon of a program in a world of one's own, from first apply to destroy. */
export async function tellStory({ world, keys, first }: JudgedWorld, story: Story, build: Build): Promise<Told> {
  await layDock(world);
  const wires = ["client0", dock.wire];
  await using session = await Session.open(world, { ...sessionOptions, wires, limitMs: proberLimitMs });
  await session.control();
  await using awg = await DisruptedAwg.start(world, keys, first, build);
  await session.beginJudging();
  await session.rounds(1);
  const played = await playStory(world, awg, session, story);
  await session.rounds(2);
  const judgement = await session.finish(expecting([first], { exceptions, leastTunnelPackets: story.count }));
  const leaks = judgement.leaks.map((leak) => `  ${leak.probe} began under: ${disruptionAt(played, leak)}`);
  const text = [`seed ${story.seed}: ${renderStory(played)}`, renderJudgement(judgement), ...leaks].join("\n");
  return { judgement, played, text };
}
