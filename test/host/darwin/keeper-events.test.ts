import { beforeEach, describe, expect, test } from "vitest";
import { keeperEvents } from "../../../src/host/darwin/keeper-events.ts";
import { FakeLibSystem } from "./fake/fake-libsystem.ts";
import { Looks } from "./fake/looks.ts";
import { type FakeMachine, macBook } from "./fake/machine.ts";

describe("A2: a keeper's end on a Mac (double)", () => {
  let machine: FakeMachine;
  let system: FakeLibSystem;
  let keeper: number | undefined;
  let heard: string[];
  let looks: Looks;

  function watch(): AsyncDisposable {
    const status = async () => (keeper === undefined ? undefined : { pid: keeper });
    return keeperEvents({ system, status, every: looks.every }).watch(({ what, renumbered }) =>
      heard.push(`${what} ${renumbered}`),
    );
  }

  /** What the double's queue tells is told by the look after it. */
  async function look(): Promise<void> {
    looks.look();
    for (let turns = 0; turns < 4; turns += 1) await Promise.resolve();
  }

  beforeEach(() => {
    machine = macBook();
    system = new FakeLibSystem(machine);
    keeper = undefined;
    heard = [];
    looks = new Looks();
  });

  test("is reported once; the next keeper is found and watched, too", async () => {
    await using _ = watch();
    await look();
    for (const pid of [900, 901]) {
      keeper = machine.processes.add({ pid, uid: 0 }).pid;
      await look();
      await look();
      expect(heard).toEqual([]);
      keeper = undefined;
      machine.processes.end(pid);
      await look();
      await look();
      expect(heard.splice(0)).toEqual(["the keeper ended false"]);
    }
  });

  test("is reported where it ended between its answer and the watch, and where another has its number since", async () => {
    await using _ = watch();
    keeper = 900;
    await look();
    expect(heard.splice(0)).toEqual(["the keeper ended false"]);
    machine.processes.add({ pid: 900, uid: 0 });
    await look();
    machine.processes.end(900);
    machine.processes.add({ pid: 900, uid: 501 });
    keeper = undefined;
    await look();
    expect(heard).toEqual(["the keeper ended false"]);
  });

  test("another program that a keeper runs is not its end; nothing stays open, and nothing is reported afterwards", async () => {
    const before = system.openDescriptors.length;
    const watching = watch();
    keeper = machine.processes.add({ pid: 900, uid: 0 }).pid;
    await look();
    machine.processes.exec(900);
    await look();
    expect([heard, system.openDescriptors.length]).toEqual([[], before + 1]);
    await watching[Symbol.asyncDispose]();
    expect(system.openDescriptors.length).toBe(before);
    machine.processes.end(900);
    await look();
    expect(heard).toEqual([]);
  });
});
