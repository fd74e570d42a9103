import type { Command, CommandResult, RunCommand } from "../../../../../src/host/darwin/command.ts";
import { ACCEPTED_PROGRAMS, UnfaithfulCall } from "../accepted.ts";
import type { FakeCaller } from "../descriptor.ts";
import type { FakeMachine } from "../machine.ts";
import { fakeExtensionHelper, fakeExtensionList } from "./fake-extensions.ts";
import { fakeLaunchctl } from "./fake-launchd.ts";
import { fakeOsascript } from "./fake-screen.ts";
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
  readonly #helper: FakeProgram;

  constructor(machine: FakeMachine, caller: FakeCaller = { pid: 4242, uid: 0 }) {
    this.#caller = caller;
    this.#programs.set("/sbin/pfctl", (command, isRoot) => fakePfctl(machine.pf, command, isRoot));
    const { store } = machine;
    this.#programs.set("/usr/sbin/scutil", (command, isRoot) => fakeScutil(store, command, isRoot));
    this.#programs.set("/bin/launchctl", (command, isRoot) =>
      command.args[0] === "asuser" ? this.#asUser(command, isRoot) : fakeLaunchctl(machine.launchd, command, isRoot),
    );
    this.#programs.set("/usr/bin/osascript", (command) => fakeOsascript(machine.screen, command));
    this.#programs.set("/usr/bin/systemextensionsctl", (command) => fakeExtensionList(machine.extensions, command));
    this.#helper = (command, isRoot) => fakeExtensionHelper(machine.extensions, command, isRoot);
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

  /** The helper of the app that carries an extension lies where the app does. */
  installExtensionHelper(path: string): void {
    this.#programs.set(path, this.#helper);
  }

  readonly run: RunCommand = async (command) => {
    this.runs.push([command.path, ...command.args].join(" "));
    return this.#start(command, this.#caller.uid === 0);
  };

  /** `launchctl asuser UID PROGRAM ...`: in the session of that user, for root alone (launchctl(1)). */
  #asUser({ args, ...rest }: Command, isRoot: boolean): CommandResult {
    const [, uid = "", ...asUser] = args;
    if (!/^[1-9]\d*$/.test(uid)) throw new UnfaithfulCall("launchctl asuser", args.join(" "));
    // asuser changes the session and not the uid: without sudo the user's program would run as root.
    const sudo = ["/usr/bin/sudo", "-n", "-H", "-u", `#${uid}`, "--"];
    const [path = "", ...words] = asUser.slice(sudo.length);
    if (asUser.slice(0, sudo.length).join(" ") !== sudo.join(" "))
      throw new UnfaithfulCall("launchctl asuser", `as root: ${args.join(" ")}`);
    if (!isRoot) return { status: 1, stdout: "", stderr: "Operation not permitted\n" };
    return this.#start({ ...rest, path, args: words }, isRoot);
  }

  #start(command: Command, isRoot: boolean): CommandResult {
    const program = this.#programs.get(command.path);
    if (program === undefined) throw new UnfaithfulCall(`run ${command.path}`, "the double has no such program");
    if (command.args.some((word) => word.includes("\0")))
      throw new UnfaithfulCall(`run ${command.path}`, "NUL in a word");
    return program(command, isRoot);
  }
}

function flush(machine: FakeMachine, args: readonly string[], right: string): CommandResult {
  if (args.join(" ") !== right) throw new UnfaithfulCall("flush", args.join(" "));
  machine.flushes += 1;
  return { status: 0, stdout: "", stderr: "" };
}
