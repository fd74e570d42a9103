import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { renderJudgement } from "../../lab/judge/judge.ts";
import { judgedRun, type Subject } from "../../lab/judged-run.ts";
import { whyNoLab } from "../../lab/world/why-no-lab.ts";
import { type KeyPair, newKeyPair, type Server } from "../../lab/world/wireguard.ts";
import { World } from "../../lab/world/world.ts";
import { useBuiltProgram } from "../../support/built-program.ts";
import { AwgInWorld } from "../awg-in-world.ts";
import { expecting, sessionOptions } from "../judged-world.ts";
import { type Disguise, SECOND_GENERATION, startAmneziaServer, thirdGeneration } from "./amnezia-server.ts";

const reason = whyNoLab();
const title = `A25: a tunnel of AmneziaWG $generation under the judge${reason === undefined ? "" : ` (skipped: ${reason})`}`;
const limitMs = 400_000;

/** Both ends are awg's own engine, which `engine: auto` is. */
describe.skipIf(reason !== undefined).each([
  { generation: "2.0", disguiseIn: (): Disguise => SECOND_GENERATION },
  { generation: "3.1", disguiseIn: thirdGeneration },
])(title, { timeout: limitMs }, ({ disguiseIn }) => {
  const program = useBuiltProgram();
  let world: World;
  let keys: KeyPair;
  let disguise: Disguise;
  let server: Server;

  beforeAll(async () => {
    world = await World.open();
    keys = await newKeyPair();
    disguise = disguiseIn(world);
    server = await startAmneziaServer(world, keys, disguise);
  }, limitMs);
  afterAll(async () => {
    await world?.[Symbol.asyncDispose]();
  }, limitMs);

  const config = (awg: AwgInWorld) => awg.config({ server, obfuscation: disguise.parameters });

  test("law 1: nothing in clear, junk included, and no header of WireGuard, also when the engine and all else is killed", async () => {
    const subject: Subject<AwgInWorld> = {
      session: sessionOptions,
      rounds: 2,
      setUp: async () => {
        const awg = new AwgInWorld(world, keys, program());
        try {
          await awg.apply(config(awg));
          return awg;
        } catch (cause) {
          await awg[Symbol.asyncDispose]();
          throw cause;
        }
      },
      disturb: async (awg, session) => {
        const engines = (await awg.processes()).filter(({ command }) => command.includes(` engine ${awg.device}`));
        expect(engines).toHaveLength(1);
        for (const { pid } of engines) process.kill(pid, "SIGKILL");
        await session.rounds(1);
        expect(await awg.killEverything()).toBeGreaterThan(0);
        await session.rounds(1);
        await awg.apply(config(awg));
      },
    };
    const judgement = await judgedRun(
      world,
      expecting([server], { wire: "obfuscated", paddings: disguise.paddings }),
      subject,
    );
    expect(judgement.outcome, renderJudgement(judgement)).toBe("pass");
  });
});
