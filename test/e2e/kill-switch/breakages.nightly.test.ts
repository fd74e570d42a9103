import { describe, expect, test } from "vitest";
import type { Expectation } from "../../lab/judge/judge.ts";
import { renderJudgement } from "../../lab/judge/judge.ts";
import { Session } from "../../lab/judge/session.ts";
import { whyNoLab } from "../../lab/world/why-no-lab.ts";
import { useBuiltProgram } from "../../support/built-program.ts";
import { AwgInWorld } from "../awg-in-world.ts";
import { expecting, localExceptions, sessionOptions, useJudgedWorld } from "../judged-world.ts";
import { type Breakage, HELD, OPEN, PLANTED, UNGUARDED, WRECKS } from "./breakages.ts";
import { expectFound, plant, type Said, verify } from "./broken-policy.ts";

const reason = whyNoLab();
const limit = { timeout: 3_600_000 };

describe.skipIf(reason !== undefined)(
  `awg's policy broken${reason === undefined ? "" : ` (skipped: ${reason})`}`,
  () => {
    const judged = useJudgedWorld();
    const program = useBuiltProgram();
    const times: string[] = [];

    function note(name: string, { processorMs, tookMs, nodeMs }: Said): void {
      const [took, node] = [tookMs, nodeMs].map((ms) => `${Math.round(ms)} ms`);
      times.push(`  ${name}: ${took}, ${Math.round(processorMs)} ms of processor time; node -e 0 ${node}`);
    }

    function expectNamed(breakage: Breakage, said: Said): void {
      note(breakage.name, said);
      expectFound(breakage, said);
    }

    async function expectSeen({ name, probes }: Breakage, session: Session, expectation: Expectation): Promise<void> {
      await session.beginJudging();
      await session.awaitLeaks(probes);
      const judgement = session.soFar(expectation);
      expect
        .soft(
          judgement.leaks.map(({ probe }) => probe),
          `${name}: ${renderJudgement(judgement)}`,
        )
        .toEqual(expect.arrayContaining([...probes]));
    }

    async function expectSound(awg: AwgInWorld, session: Session, expectation: Expectation): Promise<void> {
      await session.beginJudging();
      await session.rounds(2);
      const judgement = session.soFar(expectation);
      expect(judgement.outcome, renderJudgement(judgement)).toBe("pass");
      const said = await verify(awg);
      note("sound", said);
      // Sockets from before the tunnel send into it with the link's address, so that conntrack learns their flows anew.
      expect(said.findings.filter((finding) => !finding.includes('"kind":"open-flow"'))).toEqual([]);
    }

    test(
      "law 1: each of twelve breakages leaks on the wire, and awg verify names it without sending",
      limit,
      async () => {
        const { world, keys, first } = judged();
        const expectation = expecting([first], { exceptions: localExceptions, leastTunnelPackets: 1 });
        await using session = await Session.open(world, sessionOptions);
        await session.control();
        await using awg = new AwgInWorld(world, keys, program());
        const wreck = async (breakage: Breakage): Promise<void> => {
          for (const command of breakage.commands ?? []) {
            await world.inside("client", ["sh", "-c", command.replace("DEVICE", awg.device)]);
          }
          expectNamed(breakage, await verify(awg));
          await expectSeen(breakage, session, expectation);
        };
        await awg.apply(awg.config({ server: first, allowLan: true }));
        await expectSound(awg, session, expectation);
        // Orphaned tables can be edited by anybody.
        for (const { pid, command } of await awg.processes())
          if (/ keeper /.test(command)) process.kill(pid, "SIGKILL");
        expect((await verify(awg)).findings.join("\n")).not.toMatch(HELD.finds);
        const close = await plant(world, OPEN);
        await expectSeen({ ...HELD, name: "everything let out" }, session, expectation);
        await close();
        for (const breakage of [HELD, ...PLANTED]) {
          const takeOut = await plant(world, breakage.planted);
          expectNamed(breakage, await verify(awg));
          await expectSeen(breakage, session, expectation);
          await takeOut();
        }
        await expectSound(awg, session, { ...expectation, leastTunnelPackets: 0 });
        for (const breakage of WRECKS) await wreck(breakage);
        await awg.apply(awg.config({ server: first, killSwitch: false }));
        await wreck(UNGUARDED);
        await world.inside("client", ["ip", "link", "delete", awg.device]);
        await expectSeen({ ...UNGUARDED, probes: ["u_udp4", "u_udp6"] }, session, expectation);
        console.log(["awg verify, the whole command:", ...times].join("\n"));
      },
    );
  },
);
