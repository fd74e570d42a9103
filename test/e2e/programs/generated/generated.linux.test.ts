import { existsSync } from "node:fs";
import { beforeAll, describe, expect, test } from "vitest";
import { refusalOf } from "../../../../src/config/feature/support.ts";
import { whyNoLab } from "../../../lab/world/why-no-lab.ts";
import { countOf, sized } from "../../../support/size.ts";
import { AwgInWorld } from "../../awg-in-world.ts";
import { FailoverLab } from "../../failover/failover-lab.ts";
import { useJudgedWorld } from "../../judged-world.ts";
import { type Case, diceOf, generateCases, generateRules, type Sender } from "./cases.ts";
import type { AskedCase, CaseAnswer } from "./explain.script.ts";
import { Explainer } from "./explainer.ts";
import { type Fate, PathCounts, type Seen } from "./path-counts.ts";
import { ProgramCopies, type SendingProgram, usableSenders } from "./senders.ts";

const reason =
  refusalOf("match.apps", "linux") ??
  whyNoLab() ??
  (existsSync("/sys/kernel/btf/vmlinux") ? undefined : "needs the kernel's types (BTF)");
const SEED = countOf("AWG_SEED", 23, 23);
/** Cases of each config, half of them with a fallback in force. */
const CASES = sized(120, 1000);
const CONFIGS = countOf("AWG_STORIES", 2, 10);
const LIMIT = { timeout: sized(120_000, 3_600_000) };
/** A packet may be lost before the first handshake, or in an engine's queue: it is sent again. */
const ATTEMPTS = 5;
const SHOWN = 6;
const PROTOCOL = { tcp: 6, udp: 17 } as const;

describe.skipIf(reason !== undefined)(
  `generated flows of programs${reason === undefined ? "" : ` (${reason})`}`,
  () => {
    const judged = useJudgedWorld();
    let awg: AwgInWorld;
    let lab: FailoverLab;
    let copies: ProgramCopies;
    let counts: PathCounts;
    let explainer: Explainer;
    const running = new Map<Sender, SendingProgram>();

    beforeAll(async () => {
      const { world, keys } = judged();
      awg = world.use(new AwgInWorld(world, keys));
      lab = new FailoverLab(judged(), awg);
      copies = world.use(new ProgramCopies(world));
      world.use({
        [Symbol.asyncDispose]: async () => void (await Promise.all([...running.values()].map((one) => one.end()))),
      });
      counts = new PathCounts(judged());
      explainer = world.use(new Explainer(world.namespace("client"), awg.stateDir));
    });

    /** Programs that wait for orders; those that end after their orders are started again. */
    async function startAll(): Promise<void> {
      const wanted = usableSenders().filter((sender) => running.get(sender)?.isOnce !== false);
      for (const sender of wanted) {
        await running.get(sender)?.end();
        running.set(sender, await copies.start(sender));
      }
    }

    async function sendAll(cases: readonly Case[]): Promise<void> {
      const bySender = Map.groupBy(cases, ({ sender }) => sender);
      await Promise.all([...bySender].map(([sender, own]) => running.get(sender)?.send(own.map(({ order }) => order))));
    }

    async function answersFor(cases: readonly Case[]): Promise<readonly CaseAnswer[]> {
      const asked = cases.map(
        ({ sender, order }): AskedCase => ({
          pid: running.get(sender)?.pid ?? 0,
          destination: order.address,
          port: order.port,
          protocol: PROTOCOL[order.protocol],
        }),
      );
      const distinct = new Map(asked.map((one) => [JSON.stringify(one), one]));
      const answers = await explainer.explain([...distinct.values()]);
      const byQuestion = new Map([...distinct.keys()].map((key, index) => [key, answers[index]]));
      return asked.flatMap((one) => byQuestion.get(JSON.stringify(one)) ?? []);
    }

    function fateOf({ device, verdict }: CaseAnswer["live"]): Fate {
      if (verdict !== "accept" || device.startsWith("(")) return "nowhere";
      const [first, second] = lab.names;
      return device === `awg-${first}` ? "first" : device === `awg-${second}` ? "second" : "clear";
    }

    /** Sends the cases and returns each that came out elsewhere than explain says, as text. */
    async function wrongOnes(cases: readonly Case[]): Promise<readonly string[]> {
      await startAll();
      await counts.begin();
      const answers = await answersFor(cases);
      const expected = answers.map(({ declared }) => fateOf(declared));
      const wanted = cases.flatMap(({ order }, index) => (expected[index] === "nowhere" ? [] : [order.from]));
      let seen: Seen = new Map();
      let waiting = cases;
      for (let attempt = 0; attempt < ATTEMPTS && waiting.length > 0; attempt += 1) {
        if (attempt > 0) await startAll();
        await sendAll(waiting);
        seen = await counts.seen(wanted);
        waiting = cases.filter(({ order }) => wanted.includes(order.from) && !seen.has(order.from));
      }
      const wrong = cases.flatMap(({ sender, order }, index) => {
        const found = seen.get(order.from) ?? [];
        const fate = found.length === 0 ? "nowhere" : found.join(" and ");
        const answer = answers[index];
        const agrees = answer?.disagreements.length === 0 && fateOf(answer.live) === expected[index];
        if (fate === expected[index] && agrees) return [];
        return [`${sender.file} ${JSON.stringify(order)}: explained ${JSON.stringify(answer)}, seen ${fate}`];
      });
      const more = wrong.length > SHOWN ? [`and ${wrong.length - SHOWN} more`] : [];
      return [...wrong.slice(0, SHOWN), ...more];
    }

    test.each(Array.from({ length: CONFIGS }, (_, index) => SEED + index))(
      "law 9: explain says where each packet comes out: seed %i",
      LIMIT,
      async (seed) => {
        const dice = diceOf(seed);
        const [first, second] = lab.names;
        const { rules, rest } = generateRules(dice, {
          programs: copies.folder,
          group: copies.group,
          tunnels: lab.names,
        });
        const config = lab.config(rules, rest);
        await explainer.switchPaths([]);
        await awg.apply(config);
        const cases = generateCases(dice, usableSenders(), CASES);
        const half = Math.ceil(cases.length / 2);
        const context = `${rules.join("\n")}\n${rest}`;
        expect(await wrongOnes(cases.slice(0, half)), context).toEqual([]);
        const to = seed % 2 === 0 ? "/direct" : `awg-${second}`;
        await explainer.switchPaths([{ device: `awg-${first}`, to }]);
        expect(await wrongOnes(cases.slice(half)), `${context}\n${first} is down, ${to}`).toEqual([]);
      },
    );
  },
);
