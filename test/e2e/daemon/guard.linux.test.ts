import { renameSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, test } from "vitest";
import { sleep } from "../../lab/disruptions/disruption.ts";
import { renderJudgement } from "../../lab/judge/judge.ts";
import { judgedRun } from "../../lab/judged-run.ts";
import { run, tryRun, waitFor } from "../../lab/world/command.ts";
import { whyNoLab } from "../../lab/world/why-no-lab.ts";
import type { World } from "../../lab/world/world.ts";
import { useBuiltProgram } from "../../support/built-program.ts";
import { expecting, sessionOptions, useJudgedWorld } from "../judged-world.ts";
import { DisruptedAwg } from "./disrupted-awg.ts";

// Rule S12.12, attack A12: the packet filter is put back though the daemon can make no plan, or may not carry one out.

const reason = whyNoLab();
const limitMs = 400_000;
/** No look comes by itself: it must be the flush, or the keeper's end, that is answered. */
const driftEvery = "1h";
/** Of loopback: it comes and goes to wake the daemon. */
const WAKING = "127.0.0.99/32";

interface Scene {
  readonly world: World;
  readonly awg: DisruptedAwg;
}

/** What keeps the daemon from a plan; each gives what takes it away. */
const OBSTACLES: Readonly<Record<string, (scene: Scene) => Promise<() => Promise<unknown>>>> = {
  "the accepted config's key is gone": async ({ world, awg }) => {
    const key = join(world.folder, "awg.key");
    renameSync(key, `${key}.away`);
    const address = (verb: string) =>
      run(["ip", "-n", world.namespace("client"), "address", verb, WAKING, "dev", "lo"]);
    await address("add");
    await waitFor("rest after a plan that failed", () =>
      /cannot be read.*(?:; retry in| in sync with the accepted state)/s.test(awg.lastWords),
    );
    return async () => {
      renameSync(`${key}.away`, key);
      await address("delete");
    };
  },
  "a fight over a policy rule": async ({ world, awg }) => {
    const ip = ["ip", "-n", world.namespace("client"), "rule"];
    const listed = await run([...ip, "show"]);
    const [preference = ""] = [...listed.matchAll(/^(\d+):/gm)].map(([, number]) => number).filter(isOurs);
    let isOver = false;
    const rival = (async () => {
      for (; !isOver; await sleep(100)) await tryRun([...ip, "delete", "preference", preference]);
    })();
    await waitFor("a fight", () => awg.lastWords.includes("Contended"), limitMs);
    return async () => {
      isOver = true;
      await rival;
    };
  },
  "another's device with the tunnel's name": async ({ world, awg }) => {
    const client = ["ip", "-n", world.namespace("client"), "link"];
    for (const pid of await awg.pids("keeper")) process.kill(pid, "SIGKILL");
    await tryRun([...client, "delete", awg.device]);
    await waitFor("the name", async () => {
      const added = await tryRun([...client, "add", awg.device, "type", "veth", "peer", "name", "rival0"]);
      if (added.status !== 0) await tryRun([...client, "delete", awg.device]);
      return added.status === 0;
    });
    return () => run([...client, "delete", awg.device]);
  },
  "a change that waits to be confirmed": async ({ world, awg }) => {
    await waitFor("the whole machine", () => awg.saysInSync(), limitMs);
    const file = join(world.folder, "unconfirmed.yaml");
    writeFileSync(file, awg.configText(1), { mode: 0o600 });
    const apply = await awg.applyUnconfirmed(file, "600s");
    return async () => {
      apply.kill("SIGKILL");
      expect(await awg.revertByHand()).toBe(0);
    };
  },
};

describe.skipIf(reason !== undefined)(
  `the packet filter and the plan${reason === undefined ? "" : ` (skipped: ${reason})`}`,
  () => {
    const judged = useJudgedWorld();
    const program = useBuiltProgram();

    test("law 1: the packet filter is restored without a plan, whatever fails", { timeout: limitMs }, async () => {
      const { world, keys, first } = judged();
      const openMs: Record<string, number> = {};
      const judgement = await judgedRun(world, expecting([first], { leastTunnelPackets: 1 }), {
        session: sessionOptions,
        rounds: 2,
        setUp: async () => {
          const build = { program: program(), engine: "embedded", driftEvery } as const;
          const awg = await DisruptedAwg.start(world, keys, first, build);
          const ping = ["ip", "netns", "exec", world.namespace("client"), "ping", "-c", "1", "-W", "1", first.inside4];
          await waitFor("the tunnel", async () => (await tryRun(ping)).status === 0, limitMs);
          return awg;
        },
        disturb: async (awg, session) => {
          for (const [what, begin] of Object.entries(OBSTACLES)) {
            const end = await begin({ world, awg });
            // What is sent between the flush and its repair is not judged.
            session.pauseJudging();
            openMs[what] = await awg.flushUnowned();
            await session.resumeJudging();
            await session.rounds(1);
            await end();
          }
        },
      });
      console.log(`S12.12: open for ${JSON.stringify(openMs)} ms`);
      expect(judgement.outcome, renderJudgement(judgement)).toBe("pass");
      expect(Object.keys(openMs)).toEqual(Object.keys(OBSTACLES));
    });
  },
);

function isOurs(preference: string | undefined): preference is string {
  return preference !== undefined && !["0", "32766", "32767"].includes(preference);
}
