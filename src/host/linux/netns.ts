import { type ChildProcess, spawn } from "node:child_process";
import { existsSync, readdirSync, statSync } from "node:fs";
import { constants } from "node:os";
import { AwgError } from "../../model/error.ts";
import { hasErrno } from "../../native/linux/errno.ts";
import { bindMount, enterNetworkNamespace, unshareMounts } from "../../native/linux/process/namespace.ffi.ts";

const FORWARDED = ["SIGINT", "SIGTERM", "SIGHUP", "SIGQUIT"] as const;

export interface NamespaceRun {
  /** As in `ip netns`: a file below /run/netns. */
  readonly name: string;
  /** Absolute path of the program and its arguments. */
  readonly command: readonly string[];
  readonly environment: NodeJS.ProcessEnv;
}

/**
 * Runs a command inside a named network namespace as `ip netns exec` does: /etc/netns/NAME/* stands over /etc, in
 * mounts of its own. This process moves along and is good for nothing but waiting afterwards: children inherit the
 * namespaces of the thread that starts them. /sys stays the machine's, since awg reads devices by netlink alone.
 *
 * @returns the exit code; 128 plus the signal's number when one ended it.
 * @throws AwgError("usage") when there is no such namespace, ("permission") without the right to enter it.
 */
export async function runInNamespace({ name, command, environment }: NamespaceRun): Promise<number> {
  enter(name);
  const [program = "", ...words] = command;
  let child: ChildProcess | undefined;
  const forward = (signal: NodeJS.Signals) => child?.kill(signal);
  // Before the child is there: a signal in between would end this process alone, and leave the other to go on unwatched.
  for (const signal of FORWARDED) process.on(signal, forward);
  try {
    const started = spawn(program, words, { stdio: "inherit", env: environment });
    child = started;
    return await new Promise((resolve, reject) => {
      started.on("error", (cause) => {
        reject(new AwgError("host", `starting ${program} in the network namespace ${name} failed`, { cause }));
      });
      started.on("exit", (code, signal) => resolve(code ?? 128 + constants.signals[signal ?? "SIGKILL"]));
    });
  } finally {
    for (const signal of FORWARDED) process.off(signal, forward);
  }
}

function enter(name: string): void {
  if (!/^[A-Za-z0-9_][A-Za-z0-9_.-]*$/.test(name)) {
    throw new AwgError("usage", `"${name}" cannot be the name of a network namespace`);
  }
  const file = `/run/netns/${name}`;
  if (!existsSync(file)) {
    throw new AwgError("usage", `there is no network namespace ${name}`, {
      remedy: `make it with: ip netns add ${name}`,
    });
  }
  enterNetworkNamespace(file);
  unshareMounts();
  const folder = `/etc/netns/${name}`;
  if (!existsSync(folder)) return;
  for (const entry of readdirSync(folder)) {
    if (existsSync(`/etc/${entry}`)) standOver(`${folder}/${entry}`, `/etc/${entry}`);
  }
}

/** Going on without it, the command would take the machine's own file for the namespace's, and perhaps write it. */
function standOver(source: string, target: string): void {
  try {
    bindMount(source, target);
  } catch (cause) {
    if (!hasErrno(cause, "ENOENT", "ENOTDIR")) throw cause;
    const kind = statSync(target).isDirectory() ? "a folder" : "a file";
    throw new AwgError("host", `${source} cannot stand over ${target}`, {
      cause,
      remedy: `make ${source} ${kind}, as ${target} is, or remove it`,
    });
  }
}
