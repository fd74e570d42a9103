import { setTimeout as sleep } from "node:timers/promises";
import { linuxHost } from "../host/linux/linux-host.ts";
import { AwgError } from "../model/error.ts";
import { fileStores } from "../state/file-stores.ts";
import { readStateIdentity } from "../state/identity.ts";
import { takeLock } from "../state/lock.ts";
import { SecretStore } from "../state/secret-store.ts";
import { knownConfigIn } from "./known-config.ts";
import { pathsFor } from "./paths.ts";
import type { SessionParts } from "./reconciling-session.ts";
import type { SessionOptions } from "./session.ts";

/** A session on this Linux machine, in the network namespace of this process. */
export function linuxParts({ stateDir, runDir, environment, allowInsecurePermissions }: SessionOptions): SessionParts {
  if (process.platform !== "linux") {
    throw new AwgError("unsupported", `awg cannot act on ${process.platform} yet`, {
      remedy: "use --host simulated to try it",
    });
  }
  const paths = pathsFor(stateDir, runDir);
  const secrets = new SecretStore(paths.stateDir, { environment, allowInsecurePermissions });
  return {
    host: linuxHost({
      runDir: paths.runDir,
      stateDir: paths.stateDir,
      namespaced: paths.namespaced,
      keeperCommand: keeperCommand(paths.runDir),
      secrets,
    }),
    stores: fileStores(paths.stateDir, readStateIdentity(), secrets),
    clock: { nowMs: Date.now, sleep: async (ms) => void (await sleep(ms)) },
    resolveSecret: async (ref) => secrets.resolveKey(ref),
    lock: async (verb) => {
      if (process.geteuid?.() !== 0)
        throw new AwgError("permission", `awg ${verb} needs root`, { remedy: "run it with sudo" });
      const held = takeLock(paths.lockFile, { pid: process.pid, verb, sinceMs: Date.now() });
      return { [Symbol.asyncDispose]: async () => held[Symbol.dispose]() };
    },
    requireRights: () => {
      if (process.geteuid?.() === 0) return;
      throw new AwgError("permission", "reading or changing this machine's network needs root", {
        remedy: "run it with sudo, or try --host simulated",
      });
    },
    known: knownConfigIn(paths.stateDir),
    close: async () => {},
  };
}

/** This very program, with the flags that keep a debugger and core dumps of a root process away. */
function keeperCommand(runDir: string): readonly string[] {
  const flags = ["--disable-sigusr1", "--disable-warning=ExperimentalWarning"];
  return [process.execPath, ...flags, process.argv[1] ?? "awg", "keeper", "--run-dir", runDir];
}
