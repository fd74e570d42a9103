import { spawn } from "node:child_process";
import { once } from "node:events";
import { setTimeout as sleep } from "node:timers/promises";
import fc from "fast-check";
import { expect } from "vitest";
import { tryRun, waitFor } from "../../lab/world/command.ts";
import type { World } from "../../lab/world/world.ts";
import type { Tally } from "../../property/tally.ts";
import type { AwgInWorld } from "../awg-in-world.ts";
import { settledMachine } from "../machine-text.ts";
import { Waiting } from "../waiting.ts";
import type { Wishes } from "./repeated.ts";

const ends = ["confirm", "revert", "expire"] as const;
const meddlings = ["mtu", "policy rule", "route", "packet filter"] as const;

/** One step of a walk on the real kernel; `wish` and `choice` count through what there is. */
export type WalkStep =
  | { readonly verb: "apply"; readonly wish: number }
  | { readonly verb: "rollback"; readonly choice: number }
  | { readonly verb: "trial"; readonly wish: number; readonly end: (typeof ends)[number] }
  | { readonly verb: "meddle"; readonly what: (typeof meddlings)[number]; readonly choice: number }
  /** `at` is a part of the time that the last apply took. */
  | { readonly verb: "kill"; readonly wish: number; readonly at: number }
  | { readonly verb: "destroy" };

const wish = fc.nat(100);
const choice = fc.nat(100);

export const walkArbitrary: fc.Arbitrary<readonly WalkStep[]> = fc.array(
  fc.oneof<fc.WeightedArbitrary<WalkStep>[]>(
    { weight: 3, arbitrary: fc.record({ verb: fc.constant("apply"), wish }) },
    { weight: 3, arbitrary: fc.record({ verb: fc.constant("rollback"), choice }) },
    { weight: 2, arbitrary: fc.record({ verb: fc.constant("trial"), wish, end: fc.constantFrom(...ends) }) },
    { weight: 3, arbitrary: fc.record({ verb: fc.constant("meddle"), what: fc.constantFrom(...meddlings), choice }) },
    { weight: 2, arbitrary: fc.record({ verb: fc.constant("kill"), wish, at: fc.integer({ min: 0, max: 100 }) }) },
    { weight: 1, arbitrary: fc.record({ verb: fc.constant("destroy") }) },
  ),
  { minLength: 4, maxLength: 8 },
);

type Text = Readonly<Record<string, string>>;

/** A machine on its way through generations, with what each looked like when it was accepted. */
export class KernelWalk {
  readonly #awg: AwgInWorld;
  readonly #world: World;
  readonly #wishes: Wishes;
  readonly #tally: Tally;
  readonly #generations = new Map<number, { readonly wish: string; readonly text: Text }>();
  /** The configuration by which the machine goes; undefined where nothing of awg's stands. */
  #stands: string | undefined;
  /** What the machine looks like while nobody else touches it. */
  #text: Text;
  #applyMs = 1_000;

  private constructor(awg: AwgInWorld, world: World, wishes: Wishes, tally: Tally, text: Text) {
    this.#awg = awg;
    this.#world = world;
    this.#wishes = wishes;
    this.#tally = tally;
    this.#text = text;
  }

  /** From a machine on which awg left nothing. */
  static async from(awg: AwgInWorld, world: World, wishes: Wishes, tally: Tally): Promise<KernelWalk> {
    return new KernelWalk(awg, world, wishes, tally, await looksOf(world));
  }

  async take(step: WalkStep): Promise<void> {
    if (step.verb === "apply") return this.#apply(this.#wish(step.wish));
    if (step.verb === "rollback") return this.#rollback(step.choice);
    if (step.verb === "trial") return this.#trial(this.#wish(step.wish), step.end);
    if (step.verb === "meddle") return this.#meddle(step.what, step.choice);
    if (step.verb === "kill") return this.#kill(this.#wish(step.wish), step.at / 100);
    await this.#awg.must("destroy", "--auto-approve");
    this.#stands = undefined;
    this.#text = await looksOf(this.#world);
    this.#tally.add("destroy");
  }

  async #apply(wish: string): Promise<void> {
    const startMs = performance.now();
    await this.#awg.apply(this.#config(wish));
    this.#applyMs = performance.now() - startMs;
    this.#tally.add("apply");
    await this.#accepted(wish);
  }

  /** Back to a generation looks as that generation did. */
  async #rollback(choice: number): Promise<void> {
    const numbers = [...this.#generations.keys()];
    const number = numbers[choice % Math.max(1, numbers.length)];
    const remembered = number === undefined ? undefined : this.#generations.get(number);
    if (remembered === undefined) return this.#tally.add("nothing to roll back to");
    await this.#awg.must("rollback", String(number), "--auto-approve");
    this.#tally.add("rollback");
    expect(await looksOf(this.#world), `rolled back to ${number}`).toEqual(remembered.text);
    await this.#accepted(remembered.wish);
  }

  async #trial(wish: string, end: (typeof ends)[number]): Promise<void> {
    if (wish === this.#stands) return this.#tally.add("nothing to try");
    this.#tally.add(`trial, ${end}`);
    const config = this.#config(wish);
    if (end === "expire") {
      const done = await this.#awg.run("apply", "-f", config, "--auto-approve", "--confirm-within", "2s");
      expect(done.status, done.stderr).toBe(9);
      return this.#unchanged("nobody confirmed");
    }
    await using waiting = await Waiting.begin(this.#awg, config, "1h");
    await this.#awg.must(end);
    expect(await waiting.ended()).toBe(end === "confirm" ? 0 : 9);
    return end === "confirm" ? this.#accepted(wish) : this.#unchanged("reverted");
  }

  /** Somebody else changes the machine, and what stood is applied again. */
  async #meddle(what: (typeof meddlings)[number], choice: number): Promise<void> {
    if (this.#stands === undefined) return this.#tally.add("nothing to meddle with");
    const argv = await this.#meddling(what, choice);
    if (argv === undefined) return this.#tally.add(`no ${what} there`);
    // A keeper that was killed owns its tables until its socket is closed.
    const isDone = () => tryRun(["ip", "netns", "exec", this.#world.namespace("client"), ...argv]);
    await waitFor(argv.join(" "), async () => (await isDone()).status === 0);
    expect(await looksOf(this.#world), argv.join(" ")).not.toEqual(this.#text);
    this.#tally.add(`meddle, ${what}`);
    await this.#awg.apply(this.#config(this.#stands));
    await this.#unchanged(argv.join(" "));
    await this.#accepted(this.#stands);
  }

  async #meddling(what: (typeof meddlings)[number], choice: number): Promise<readonly string[] | undefined> {
    const { device } = this.#awg;
    const oneOf = <T>(all: Iterable<T>): T | undefined => {
      const list = [...all];
      return list[choice % Math.max(1, list.length)];
    };
    if (what === "mtu") return ["ip", "link", "set", "dev", device, "mtu", String(1281 + choice)];
    if (what === "policy rule") {
      const preference = oneOf((this.#text["rules"] ?? "").matchAll(/^(1\d{4}):/gm))?.[1];
      const versions = await Promise.all(
        ["-4", "-6"].map(async (version) => ({
          version,
          rules: await this.#world.inside("client", ["ip", version, "rule"]),
        })),
      );
      const version = versions.find(({ rules }) => rules.includes(`${preference}:`))?.version;
      return preference && version ? ["ip", version, "rule", "delete", "preference", preference] : undefined;
    }
    if (what === "route") {
      const version = choice % 2 === 0 ? "-4" : "-6";
      const routes = await this.#world.inside("client", [
        "ip",
        version,
        "route",
        "show",
        "table",
        "all",
        "dev",
        device,
      ]);
      const route = oneOf(routes.matchAll(/^(\S+) table (\d+)/gm));
      if (route === undefined) return undefined;
      const [, destination = "", table = ""] = route;
      return ["ip", version, "route", "delete", destination, "table", table, "dev", device];
    }
    return this.#ruleOfNobody((rules) => oneOf(rules));
  }

  /** A rule of a table whose owner was killed: from one that has an owner nobody else can take any. */
  async #ruleOfNobody(
    oneOf: (rules: readonly string[][]) => readonly string[] | undefined,
  ): Promise<readonly string[] | undefined> {
    const text = await this.#world.inside("client", ["nft", "-a", "list", "ruleset"]);
    let [table, chain] = ["", ""];
    const rules: string[][] = [];
    for (const line of text.split("\n")) {
      table = /^table (\w+ \w+)/.exec(line)?.[1] ?? table;
      chain = /^\tchain (\S+) /.exec(line)?.[1] ?? chain;
      const handle = /^\t\t.* # handle (\d+)$/.exec(line)?.[1];
      if (handle !== undefined && table.endsWith(" awg"))
        rules.push(["nft", "delete", "rule", ...table.split(" "), chain, "handle", handle]);
    }
    const argv = oneOf(rules);
    if (argv === undefined) return undefined;
    await expect(this.#world.inside("client", argv)).rejects.toThrow("Operation not permitted");
    const keeper = (await this.#awg.processes()).find(({ command }) => command.includes(" keeper "));
    if (keeper === undefined) throw new Error("the tables have no keeper");
    process.kill(keeper.pid, "SIGKILL");
    return argv;
  }

  /** kill -9 of an apply; the next one of the same finishes. */
  async #kill(wish: string, at: number): Promise<void> {
    const config = this.#config(wish);
    const [program = "", ...words] = this.#awg.argvInside("apply", "-f", config, "--auto-approve");
    const child = spawn(program, words, { stdio: "ignore" });
    const exit = once(child, "exit");
    await sleep(at * this.#applyMs);
    child.kill("SIGKILL");
    await exit;
    this.#tally.add(child.signalCode === null ? "killed too late" : "kill");
    await this.#awg.apply(config);
    await this.#accepted(wish);
  }

  async #accepted(wish: string): Promise<void> {
    const { generations } = JSON.parse(await this.#awg.must("history", "--json")) as {
      generations: readonly { readonly number: number; readonly holds: boolean }[];
    };
    const number = generations.find(({ holds }) => holds)?.number;
    if (number === undefined) throw new Error(`no generation holds after ${wish}`);
    this.#text = await looksOf(this.#world);
    // The same configuration leaves the same machine, whatever went before.
    for (const other of this.#generations.values())
      if (other.wish === wish) expect(this.#text, wish).toEqual(other.text);
    this.#generations.set(number, { wish, text: this.#text });
    this.#stands = wish;
    expect((await this.#awg.run("drift", "--detailed-exitcode")).status, `drift after ${wish}`).toBe(0);
  }

  async #unchanged(after: string): Promise<void> {
    expect(await looksOf(this.#world), after).toEqual(this.#text);
  }

  #wish(number: number): string {
    const names = Object.keys(this.#wishes);
    return names[number % names.length] ?? "";
  }

  #config(wish: string): string {
    return this.#wishes[wish]?.(0) ?? "";
  }
}

/** Policy rules of one preference that lead to one table may stand in any order: one put back comes last of them. */
async function looksOf(world: World): Promise<Text> {
  const machine = await settledMachine(world);
  return { ...machine, rules: (machine["rules"] ?? "").split("\n").toSorted().join("\n") };
}
