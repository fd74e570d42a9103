import { readFileSync, writeFileSync } from "node:fs";
import { describe, expect, test } from "vitest";
import { bringUp } from "../../lab/disruptions/uplink.ts";
import { type Judgement, renderJudgement } from "../../lab/judge/judge.ts";
import type { Session } from "../../lab/judge/session.ts";
import { judgedRun, type Subject } from "../../lab/judged-run.ts";
import { place } from "../../lab/world/place.ts";
import { whyNoLab } from "../../lab/world/why-no-lab.ts";
import { newKeyPair } from "../../lab/world/wireguard.ts";
import { useBuiltProgram } from "../../support/built-program.ts";
import { AwgInWorld } from "../awg-in-world.ts";
import { expecting, sessionOptions, useJudgedWorld } from "../judged-world.ts";

// Rows of docs/reference/attacks.md that neither the disruptions nor kill-switch.linux.test.ts play: boot, shutdown, a dead server, split.

const reason = whyNoLab();
const limitMs = 400_000;

describe.skipIf(reason !== undefined)(
  `rows of the attack table${reason === undefined ? "" : ` (skipped: ${reason})`}`,
  () => {
    const judged = useJudgedWorld();
    const program = useBuiltProgram();

    function subject(
      prepare: (awg: AwgInWorld) => Promise<unknown>,
      disturb: (awg: AwgInWorld, session: Session) => Promise<void>,
    ): Subject<AwgInWorld> {
      const setUp = async (): Promise<AwgInWorld> => {
        const { world, keys } = judged();
        const awg = new AwgInWorld(world, keys, program());
        try {
          await prepare(awg);
          return awg;
        } catch (cause) {
          await awg[Symbol.asyncDispose]();
          throw cause;
        }
      };
      return { setUp, disturb, session: sessionOptions, rounds: 2 };
    }

    test("A4: a network that comes up before awg meets the boot unit's table", { timeout: limitMs }, async () => {
      const { world, first } = judged();
      const home = { v4: place.v4.client, v6: place.v6.client };
      // The boot unit's table knows no devices yet and so no egress hook: raw frames of root pass it (S12.11).
      const whole = new Set<string>();
      const booted = subject(
        async (awg) => {
          const { parts } = JSON.parse(await awg.must("render", "-f", awg.config({ server: first }), "--json"));
          const boot = (parts as { key: string; text: string }[]).find(({ key }) => key.startsWith("boot/"));
          await world.inside("client", ["ip", "link", "set", place.device, "down"]);
          await world.inside("client", ["nft", "-f", "-"], boot?.text ?? "no boot table");
        },
        async (awg, session) => {
          for (const name of [...session.probeNames, "untagged"]) if (!name.startsWith("l2_")) whole.add(name);
          await bringUp({ world, home });
          await session.rounds(3);
          await awg.apply(awg.config({ server: first }));
          const tables = await world.inside("client", ["nft", "list", "tables"]);
          expect(tables).not.toContain("awg_boot");
        },
      );
      expectPass(await judgedRun(world, expecting([first], { leastTunnelPackets: 1, only: whole }), booted));
    });

    test("A5: all of awg gets SIGTERM, as at a shutdown: no leak", { timeout: limitMs }, async () => {
      const { world, first } = judged();
      const ended = subject(
        (awg) => awg.apply(awg.config({ server: first })),
        async (awg, session) => {
          const running = await awg.processes();
          expect(running.length).toBeGreaterThanOrEqual(2);
          for (const { pid } of running) process.kill(pid, "SIGTERM");
          await session.rounds(4);
        },
      );
      expectPass(await judgedRun(world, expecting([first]), ended));
    });

    test("A15: a server that never answers: no leak, and status does not report it ready", {
      timeout: limitMs,
    }, async () => {
      const { world, first } = judged();
      const deaf = { ...first, keys: await newKeyPair() };
      const unanswered = subject(
        (awg) => awg.apply(awg.config({ server: deaf })),
        async (awg, session) => {
          await session.rounds(2);
          const { conditions, resources } = JSON.parse((await awg.run("status", "--json")).stdout);
          const tunnel = (resources as { key: string; tunnel?: { state: string } }[]).find(({ key }) =>
            key.startsWith("tunnel/"),
          );
          expect(tunnel?.tunnel?.state).toBe("blocked");
          const ready = (conditions as { type: string; status: boolean }[]).find(({ type }) => type === "Ready");
          expect(ready).toMatchObject({ status: false });
        },
      );
      expectPass(await judgedRun(world, expecting([first], { leastTunnelPackets: 0 }), unanswered));
    });

    test("A21: processes that send one packet and exit never bypass their user's tunnel", {
      timeout: limitMs,
    }, async () => {
      const { world, first } = judged();
      const users = new Set<string>();
      const split = subject(
        async (awg) => {
          const path = awg.config({ server: first });
          const rules = `rules: [{ name: nobodys, users: [nobody], via: ${awg.tunnel} }]\ndefault: { via: direct }`;
          writeFileSync(path, readFileSync(path, "utf8").replace(/^default: .*$/m, rules));
          await awg.apply(path);
        },
        async (_, session) => {
          for (const name of session.probeNames) if (name.startsWith("u_")) users.add(name);
          await session.rounds(10);
        },
      );
      expectPass(await judgedRun(world, expecting([first], { only: users }), split));
      expect(users.size).toBeGreaterThan(50);
    });
  },
);

function expectPass(judgement: Judgement): void {
  expect(judgement.outcome, renderJudgement(judgement)).toBe("pass");
}
