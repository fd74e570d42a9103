import { spawn } from "node:child_process";
import { writeFileSync } from "node:fs";
import { describe, expect, test } from "vitest";
import { dock, layDock } from "../../lab/disruptions/dock.ts";
import { arpOf, neighbourDiscoveryOf } from "../../lab/judge/exception.ts";
import { renderJudgement } from "../../lab/judge/judge.ts";
import { Session } from "../../lab/judge/session.ts";
import { place } from "../../lab/world/place.ts";
import { whyNoLab } from "../../lab/world/why-no-lab.ts";
import { useBuiltProgram } from "../../support/built-program.ts";
import { AwgInWorld } from "../awg-in-world.ts";
import { DaemonProcess } from "../daemon-process.ts";
import { expecting, sessionOptions, useJudgedWorld } from "../judged-world.ts";

const reason = whyNoLab();
const exceptions = [arpOf([place.v4.client, dock.v4]), neighbourDiscoveryOf([place.v6.client, dock.v6])];
const RIVAL = "while :; do ip rule del table 0x61770001 2>/dev/null; sleep 0.1; done";

interface Event {
  readonly type: string;
  readonly keys?: readonly string[];
  readonly by?: readonly string[];
}

describe.skipIf(reason !== undefined)(
  `the life of a network${reason === undefined ? "" : ` (skipped: ${reason})`}`,
  { timeout: 240_000 },
  () => {
    const judged = useJudgedWorld();
    const program = useBuiltProgram();

    test("laws 1, 9: Wi-Fi to Ethernet, DHCP and a rival ten times a second: events in order, and no leak", async () => {
      const { world, keys, first } = judged();
      await layDock(world);
      const wires = ["client0", dock.wire];
      await using session = await Session.open(world, { ...sessionOptions, wires, limitMs: 120_000 });
      await session.control();
      await using awg = new AwgInWorld(world, keys, program());
      const config = awg.config({ server: first, engine: "embedded" });
      await awg.apply(config);
      await using daemon = new DaemonProcess(awg.argvInside("daemon", "--foreground", "-f", config));
      daemon.start();
      await daemon.until("the first look", () => daemon.reported.includes("in sync"));
      await session.beginJudging();

      const events = async (): Promise<readonly Event[]> => {
        const text = await awg.must("events", "--json");
        const all = text.split("\n").filter(Boolean);
        return all.map((line) => JSON.parse(line) as Event).filter(({ type }) => type !== "status");
      };
      let seen = (await events()).length;
      /** The events since the last call, once the daemon rests after one that `marks` them. */
      const next = async (marks: (event: Event) => boolean): Promise<readonly Event[]> => {
        let found: readonly Event[] = [];
        await daemon.until("the events", async () => {
          found = (await events()).slice(seen);
          return found.some(marks) && found.at(-1)?.type === "inSync";
        });
        seen += found.length;
        return found;
      };
      const onClient = (lines: string) => world.inside("client", ["sh", "-ec", lines]);

      await onClient(`ip link set ${dock.device} up; ip address add ${dock.v4}/24 dev ${dock.device}
        ip route replace default via ${place.v4.router} dev ${dock.device} metric 50
        ip address flush dev ${place.device}; ip link set ${place.device} down`);
      const moved = await next(({ type }) => type === "woken");
      expect(new Set(moved.map(({ type }) => type))).toEqual(new Set(["woken", "guarded", "inSync"]));
      expect(moved.find(({ type }) => type === "guarded")).toMatchObject({ isOutdated: true, restored: "yes" });
      await session.rounds(1);

      writeFileSync(world.resolvConf, `nameserver ${place.v4.router}\n`);
      const rewritten = await next(({ type }) => type === "applied");
      expect(rewritten.filter(({ type }) => type === "applying").map(({ keys: some }) => some)).toEqual([
        ["resolver/machine"],
      ]);

      const rival = spawn("ip", ["netns", "exec", world.namespace("client"), "sh", "-c", RIVAL]);
      try {
        await daemon.until("the fight", async () => (await events()).some(({ type }) => type === "contended"));
        const status = JSON.parse(await awg.must("status", "--json"));
        const bad = status.conditions.filter((one: { type: string; status: boolean }) => one.status);
        expect(bad.map(({ type }: { type: string }) => type)).toContain("Contended");
        expect(bad.map(({ type }: { type: string }) => type)).not.toContain("Stalled");
        await session.rounds(1);
      } finally {
        rival.kill("SIGKILL");
      }
      const fought = await next(({ type }) => type === "contended");
      const order = fought.map(({ type }) => type).filter((type) => type !== "woken" && type !== "guarded");
      expect(order.indexOf("contended")).toBeGreaterThan(order.filter((type) => type === "applying").length / 2);
      expect(fought.find(({ type }) => type === "contended")).toMatchObject({
        keys: ["routes/policy"],
        by: expect.arrayContaining([expect.stringContaining("policy rules, by ")]),
      });
      await session.rounds(2);
      const judgement = await session.finish(expecting([first], { exceptions }));
      console.log(renderJudgement(judgement));
      expect(judgement.outcome, renderJudgement(judgement)).toBe("pass");
    });
  },
);
