import { resolve } from "node:path";
import type { HostParts } from "../app/parts.ts";
import { AwgError } from "../model/error.ts";
import type { WritersLock } from "../state/lock-holder.ts";
import type { SecretStore } from "../state/secret-store.ts";
import type { Paths } from "./paths.ts";

/** What a session on a real host needs on any system: root, one lock for all writers, and secrets. */
export function rootRights(
  writersLock: () => Promise<WritersLock>,
  secrets: SecretStore,
  daemonFile: string,
): Pick<HostParts, "resolveSecret" | "publicKeyOf" | "lock" | "whoChanges" | "daemon" | "requireRights"> {
  const requireRoot = (verb: string): void => {
    if (process.geteuid?.() !== 0)
      throw new AwgError("permission", `awg ${verb} needs root`, { remedy: "run it with sudo" });
  };
  return {
    resolveSecret: async (named) => secrets.resolve(named),
    publicKeyOf: async (id) => (await import("../app/wg-tool/public-key.ts")).publicKeyText(secrets.bytesOf(id)),
    lock: async (verb) => {
      requireRoot(verb);
      const held = (await writersLock()).take({ pid: process.pid, verb, sinceMs: Date.now() });
      return { [Symbol.asyncDispose]: async () => held[Symbol.dispose]() };
    },
    whoChanges: async () => (await writersLock()).holder(),
    daemon: {
      take: async () => {
        requireRoot("daemon");
        return (await import("../state/daemon/daemon-file.ts")).takeDaemonPlace(daemonFile, Date.now());
      },
      read: async () => (await import("../state/daemon/daemon-file.ts")).readDaemonRecord(daemonFile),
    },
    requireRights: () => {
      if (process.geteuid?.() === 0) return;
      throw new AwgError("permission", "needs root to read or change this host's network", {
        remedy: "run it with sudo, or try --host simulated",
      });
    },
  };
}

/** This very program, with the flags that keep a debugger and core dumps of a root process away. */
export function thisProgram(): readonly string[] {
  const flags = ["--disable-sigusr1", "--disable-warning=ExperimentalWarning"];
  return [process.execPath, ...flags, process.argv[1] ?? "awg"];
}

/** What reverts an apply that was not confirmed in time. */
export function revertCommand({ stateDir }: Pick<Paths, "stateDir">): readonly string[] {
  return [...thisProgram(), "revert", "--due", "--no-color", "--state-dir", resolve(stateDir)];
}
