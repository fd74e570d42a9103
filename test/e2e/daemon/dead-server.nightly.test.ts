import { describe, expect, test } from "vitest";
import { sleep } from "../../lab/disruptions/disruption.ts";
import { renderJudgement } from "../../lab/judge/judge.ts";
import { judgedRun } from "../../lab/judged-run.ts";
import { waitFor } from "../../lab/world/command.ts";
import { whyNoLab } from "../../lab/world/why-no-lab.ts";
import { newKeyPair } from "../../lab/world/wireguard.ts";
import type { World } from "../../lab/world/world.ts";
import { useBuiltProgram } from "../../support/built-program.ts";
import { expecting, sessionOptions, useJudgedWorld } from "../judged-world.ts";
import { Answers } from "./answers.ts";
import { DisruptedAwg } from "./disrupted-awg.ts";

// Attack A15: a server that falls silent, and one with another key, under the judge.

const reason = whyNoLab();
const limit = { timeout: 1_800_000 };
const session = { ...sessionOptions, limitMs: 120_000 };
const downMs = 30_000;
/** Fifteen seconds without an answer and two initiations five seconds apart. */
const knownAfterMs = 25_000;
/** wireguard-go does not tell how often it asked; its last session is over then (REJECT_AFTER_TIME and the second it is looked at in). */
const sessionMs = 182_000;

describe.skipIf(reason !== undefined)(`a dead server${reason === undefined ? "" : ` (skipped: ${reason})`}`, () => {
  const judged = useJudgedWorld();
  const program = useBuiltProgram();

  test.each([
    ["embedded", downMs, knownAfterMs],
    ["userspace", sessionMs + 5_000, sessionMs],
  ] as const)(
    "A15: down under %s for %i ms: no leak, status reports it, and traffic recovers",
    limit,
    async (engine, silentMs, knownMs) => {
      const { world, keys, first } = judged();
      const said: string[] = [];
      const judgement = await judgedRun(world, expecting([first]), {
        session,
        setUp: () => DisruptedAwg.start(world, keys, first, { program: program(), engine }),
        disturb: async (awg, prober) => {
          await using answers = await Answers.begin(world);
          expect(await awg.status()).toEqual({ tunnel: "connected", isReady: true });
          await silence(world);
          const fromMs = Date.now();
          try {
            while (Date.now() - fromMs < silentMs) {
              const atMs = Date.now() - fromMs;
              const { tunnel, isReady } = await awg.status();
              said.push(`${Math.round(atMs / 1000)} s ${tunnel}`);
              if (atMs >= knownMs)
                expect({ tunnel, isReady }, said.join(", ")).toEqual({
                  tunnel: "blocked",
                  isReady: false,
                });
              await prober.rounds(1);
              await sleep(1_000);
            }
          } finally {
            await speech(world);
          }
          const backMs = await answers.backAfter(Date.now());
          console.log(`A15, ${engine}: ${said.join(", ")}; back after ${Math.round(backMs)} ms`);
          // Data of the old session passes at once; the initiation that is answered comes within five seconds.
          await waitFor("status to say so", async () => (await awg.status()).tunnel === "connected");
        },
      });
      expect(judgement.outcome, renderJudgement(judgement)).toBe("pass");
      expect(said.at(-1)).toContain("blocked");
    },
  );

  test.each(["embedded", "userspace"] as const)("A15: a server of another key, for 30 s: %s", limit, async (engine) => {
    const { world, keys, first } = judged();
    const deaf = { ...first, keys: await newKeyPair() };
    const judgement = await judgedRun(world, expecting([first], { leastTunnelPackets: 0 }), {
      session,
      setUp: () => DisruptedAwg.start(world, keys, deaf, { program: program(), engine }),
      disturb: async (awg, prober) => {
        for (const fromMs = Date.now(); Date.now() - fromMs < downMs; ) {
          expect(await awg.status()).toEqual({ tunnel: "blocked", isReady: false });
          await prober.rounds(1);
        }
      },
    });
    expect(judgement.outcome, renderJudgement(judgement)).toBe("pass");
    expect(judgement.tunnelPackets).toBe(0);
  });
});

/** Neither hears nor speaks: a server that only hears nothing would go on asking for a handshake. */
async function silence(world: World): Promise<void> {
  const chains = ["input", "output"].map(
    (hook) => `add chain inet silence ${hook} { type filter hook ${hook} priority 0; policy drop; };`,
  );
  await world.inside("vpn", ["nft", `add table inet silence; ${chains.join(" ")}`]);
}

async function speech(world: World): Promise<void> {
  await world.inside("vpn", ["nft", "delete table inet silence"]);
}
