import type { Command, CommandResult, RunCommand } from "../../../../../src/host/darwin/command.ts";
import { ACCEPTED_PROGRAMS, UnfaithfulCall } from "../accepted.ts";
import type { FakeCaller } from "../descriptor.ts";
import type { FakeMachine } from "../machine.ts";
import { fakeLaunchctl } from "./fake-launchd.ts";
import { fakeScutil } from "./fake-scutil.ts";
import { fakePfctl } from "./pfctl.ts";
import { SMALL_PROGRAMS } from "./small-programs.ts";

/** One program: what it answers to a run of it. */
export type FakeProgram = (command: Command, isRoot: boolean) => CommandResult;

/**
 * The programs of a Mac, by absolute path. A path that nobody put here, or a word that could be one of a shell, is
 * unfaithful.
 */
export class FakePrograms {
  /** Every run, in order: the path and its words. */
  readonly runs: string[] = [];
  readonly #programs = new Map<string, FakeProgram>();
  readonly #caller: FakeCaller;

  constructor(machine: FakeMachine, caller: FakeCaller = { pid: 4242, uid: 0 }) {
    this.#caller = caller;
    this.#programs.set("/sbin/pfctl", (command, isRoot) => fakePfctl(machine.pf, command, isRoot));
    const { store } = machine;
    this.#programs.set("/usr/sbin/scutil", (command, isRoot) => fakeScutil(store, command, isRoot));
    this.#programs.set("/bin/launchctl", (command, isRoot) => fakeLaunchctl(machine.launchd, command, isRoot));
    this.#programs.set("/usr/bin/dscacheutil", ({ args }) => flush(machine, args, "-flushcache"));
    this.#programs.set("/usr/bin/killall", ({ args }) => flush(machine, args, "-HUP mDNSResponder"));
    for (const [path, program] of Object.entries(SMALL_PROGRAMS)) this.#programs.set(path, program);
  }

  /** Programs that are there and that the table does not name, or the other way round. */
  get unnamed(): readonly string[] {
    const named = new Set(Object.keys(ACCEPTED_PROGRAMS));
    const there = new Set(this.#programs.keys());
    return [...there.symmetricDifference(named)];
  }

  /** Puts a program where it is expected. */
  install(path: string, program: FakeProgram): void {
    this.#programs.set(path, program);
  }

  readonly run: RunCommand = async (command) => {
    const program = this.#programs.get(command.path);
    if (program === undefined) throw new UnfaithfulCall(`run ${command.path}`, "the double has no such program");
    if (command.args.some((word) => word.includes("\0")))
      throw new UnfaithfulCall(`run ${command.path}`, "NUL in a word");
    this.runs.push([command.path, ...command.args].join(" "));
    return program(command, this.#caller.uid === 0);
  };
}

function flush(machine: FakeMachine, args: readonly string[], right: string): CommandResult {
  if (args.join(" ") !== right) throw new UnfaithfulCall("flush", args.join(" "));
  machine.flushes += 1;
  return { status: 0, stdout: "", stderr: "" };
}
