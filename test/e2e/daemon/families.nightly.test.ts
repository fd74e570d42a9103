import { describe, expect, test } from "vitest";
import { sleep } from "../../lab/disruptions/disruption.ts";
import { service } from "../../lab/judge/exception.ts";
import { renderJudgement } from "../../lab/judge/judge.ts";
import { judgedRun } from "../../lab/judged-run.ts";
import { run } from "../../lab/world/command.ts";
import { place } from "../../lab/world/place.ts";
import { whyNoLab } from "../../lab/world/why-no-lab.ts";
import type { World } from "../../lab/world/world.ts";
import { AwgInWorld } from "../awg-in-world.ts";
import { expecting, link, sessionOptions, useJudgedWorld } from "../judged-world.ts";
import { Answers } from "./answers.ts";
import { DisruptedAwg } from "./disrupted-awg.ts";
import { NameServer, names } from "./name-server.ts";

// Attack A13: a network that takes one IP version away and gives it back, one that exchanges them, one without IPv6.

const reason = whyNoLab();
const limit = { timeout: 1_200_000 };
const cycles = 3;
const medianLimitMs = 2_000;
const longestLimitMs = 10_000;
const { v4, v6, device } = place;

const take4 = [`address delete ${v4.client}/24 dev ${device}`];
const give4 = [
  `address replace ${v4.client}/24 broadcast + dev ${device}`,
  `route replace default via ${v4.router} dev ${device}`,
];
const take6 = [`address delete ${v6.client}/64 dev ${device}`, `route delete default via ${v6.router} dev ${device}`];
const give6 = [
  `address replace ${v6.client}/64 dev ${device} nodad`,
  `route replace default via ${v6.router} dev ${device}`,
];
/** From both versions back to both. */
const roams: Readonly<Record<string, readonly string[]>> = {
  "IPv4 goes": take4,
  "IPv4 is back": give4,
  "IPv6 goes": take6,
  "IPv4 in IPv6's stead": [...give6, ...take4],
  "IPv6 in IPv4's stead": [...take6, ...give4],
  "IPv6 is back": give6,
};

describe.skipIf(reason !== undefined)(`roaming${reason === undefined ? "" : ` (skipped: ${reason})`}`, () => {
  const judged = useJudgedWorld();

  test.each(["embedded", "userspace"] as const)(
    "A13: the %s engine follows a server name from one IP version to the other, without a leak",
    limit,
    async (engine) => {
      const { world, keys, first } = judged();
      await using _names = await NameServer.start(world, first);
      const exceptions = [...link, ...names.bootstrap.map((address) => service("udp", address, 53))];
      const times: number[] = [];
      const judgement = await judgedRun(world, expecting([first], { exceptions }), {
        session: sessionOptions,
        setUp: () => DisruptedAwg.start(world, keys, first, { engine, named: names }),
        disturb: async (_, session) => {
          await using answers = await Answers.begin(world);
          for (let cycle = 0; cycle < cycles; cycle += 1) {
            for (const [what, lines] of Object.entries(roams)) {
              await ip(world, lines);
              const ms = await answers.backAfter(Date.now());
              console.log(`A13, ${engine}, ${what}: back after ${Math.round(ms)} ms`);
              times.push(ms);
              await session.rounds(1);
              await sleep(500);
            }
          }
        },
      }).finally(() => ip(world, [...give4, ...give6]));
      expect(judgement.outcome, renderJudgement(judgement)).toBe("pass");
      const sorted = times.toSorted((a, b) => a - b);
      expect(sorted[sorted.length >> 1], sorted.map(Math.round).join(" ")).toBeLessThan(medianLimitMs);
      expect(sorted.at(-1)).toBeLessThan(longestLimitMs);
    },
  );

  test("A13: on a link without IPv6 the tunnel carries both versions, without a leak", limit, async () => {
    const { world, keys, first } = judged();
    const judgement = await judgedRun(world, expecting([first]), {
      session: sessionOptions,
      setUp: async () => {
        await world.inside("client", ["sysctl", "-q", "-w", `net.ipv6.conf.${device}.disable_ipv6=1`]);
        const awg = new AwgInWorld(world, keys);
        await awg.apply(awg.config({ server: first }));
        return awg;
      },
      disturb: async (_, session) => {
        await using _answers = await Answers.begin(world);
        await session.rounds(3);
      },
    }).finally(async () => {
      await world.inside("client", ["sysctl", "-q", "-w", `net.ipv6.conf.${device}.disable_ipv6=0`]);
      await ip(world, give6);
    });
    expect(judgement.outcome, renderJudgement(judgement)).toBe("pass");
  });
});

/** One batch, as a network manager would; what is gone already stays gone. */
async function ip(world: World, lines: readonly string[]): Promise<void> {
  await run(["ip", "-n", world.namespace("client"), "-batch", "-"], lines.join("\n"));
}
