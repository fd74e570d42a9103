import { existsSync, readdirSync, statSync } from "node:fs";
import { AwgError } from "../../model/error.ts";
import { hasErrno } from "../../native/linux/errno.ts";
import { bindMount, enterNetworkNamespace, unshareMounts } from "../../native/linux/process/namespace.ffi.ts";

export interface NamespaceRun {
  /** As in `ip netns`: a file in /run/netns. */
  readonly name: string;
  /** Absolute path of the program and its arguments. */
  readonly command: readonly string[];
  readonly environment: NodeJS.ProcessEnv;
}

/**
 * Replaces this process by a command inside a named network namespace, as `ip netns exec` does: /etc/netns/NAME/* is
 * mounted over /etc in a private mount namespace. The pid, standard streams and working folder stay, so that the caller
 * can watch and end the command. /sys stays the host's, since awg reads devices by netlink alone.
 *
 * @throws AwgError("usage") when there is no such namespace, ("permission") without the right to enter it.
 */
export function becomeInNamespace({ name, command, environment }: NamespaceRun): never {
  enter(name);
  const [program = ""] = command;
  if (process.execve === undefined) throw new AwgError("unsupported", "this system has no execve");
  return process.execve(program, command, environment);
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
    if (existsSync(`/etc/${entry}`)) mountOver(`${folder}/${entry}`, `/etc/${entry}`);
  }
}

/** Without this mount the command would use the host's file instead of the namespace's, and could write it. */
function mountOver(source: string, target: string): void {
  try {
    bindMount(source, target);
  } catch (cause) {
    if (!hasErrno(cause, "ENOENT", "ENOTDIR")) throw cause;
    const kind = statSync(target).isDirectory() ? "a folder" : "a file";
    throw new AwgError("host", `${source} cannot be mounted over ${target}`, {
      cause,
      remedy: `make ${source} ${kind}, as ${target} is, or remove it`,
    });
  }
}
