import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { useBuiltProgram } from "../support/built-program.ts";
import { commandObstacle, namespaceObstacle, tunObstacle } from "../support/netns.ts";
import { BesideMachine } from "./beside-machine.ts";

const obstacle = namespaceObstacle() ?? tunObstacle() ?? commandObstacle("ip", "python3");

describe.skipIf(obstacle !== undefined)(`a kill switch beside PPPoE (${obstacle ?? "on this kernel"})`, () => {
  const program = useBuiltProgram();
  let machine: BesideMachine;
  let speaker: ChildProcess | undefined;
  let lines: NodeJS.AsyncIterator<string>;

  /** How many frames of PPPoE came through, of the two that are sent. */
  async function passed(): Promise<number> {
    speaker?.stdin?.write("\n");
    return Number((await lines.next()).value);
  }

  const told = (text: string) => text.split("\n").filter((line) => line.includes("PPPoE"));

  beforeAll(async () => {
    machine = new BesideMachine("pppoe", program());
    const script = join(import.meta.dirname, "beside-pppoe.py");
    const words = ["netns", "exec", machine.namespace.name, "python3", script, "up0", "up1"];
    speaker = spawn("ip", words, { stdio: ["pipe", "pipe", "inherit"] });
    lines = createInterface({ input: speaker.stdout as NodeJS.ReadableStream })[Symbol.asyncIterator]();
    expect((await lines.next()).value).toBe("ready");
  });
  afterAll(async () => {
    if (speaker?.exitCode === null) {
      const ended = once(speaker, "exit");
      speaker.stdin?.end();
      await ended;
    }
    machine?.[Symbol.dispose]();
  });

  test("S2.7: its frames are refused, which a plan says before and doctor after", async () => {
    expect(told(machine.awg("diff", "-f", machine.config("enabled: false")).stderr)).toEqual([]);
    expect(told(machine.awg("diff", "-f", machine.config("enabled: true")).stderr)).toEqual([
      "note: killSwitch: this machine speaks PPPoE by up0, which the kill switch refuses (S2.7): nothing leaves by an uplink over it, also no tunnel; let the router speak it",
    ]);
    expect(await passed()).toBe(2);
    const applied = machine.awg("apply", "-f", machine.config("enabled: true"), "--auto-approve");
    expect(applied.status, applied.stderr).toBe(0);
    expect(await passed()).toBe(0);
    expect(machine.awg("doctor").stdout).toContain("PPPoE by up0");
  });
});
