import { existsSync, mkdtempSync, readFileSync, renameSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import type { HostOptions } from "../app/host-options.ts";
import type { HostParts } from "../app/parts.ts";
import type { ScheduledFault } from "../host/simulated/faults.ts";
import { simulatedHost } from "../host/simulated/host.ts";
import { SimulatedMachine } from "../host/simulated/machine.ts";
import { parseMachineFile, renderMachineFile } from "../host/simulated/machine-file.ts";
import { laptopState } from "../host/simulated/machine-state.ts";
import { simulatedNetworkEvents } from "../host/simulated/ports/network-events.ts";
import { oneWayNotes } from "../resources/expand/flat/one-way-notes.ts";
import { auditIn } from "../state/audit/audit-file.ts";
import { fileStores } from "../state/file-stores.ts";
import { takeLock } from "../state/lock.ts";
import { SecretStore } from "../state/secret-store.ts";

/** The boot and namespace of a simulated host's state; it never reboots and has one namespace. */
const IDENTITY = { bootId: "simulated", namespace: "simulated" };

/**
 * A session on a simulated host: from a file, with the state folder beside it, or a laptop that lives as long as the
 * process.
 */
export function simulatedParts({
  host,
  stateDir,
  allowInsecurePermissions,
  environment,
  isAttended,
  isUnattended,
}: HostOptions): HostParts {
  const file = host.kind === "simulated" ? host.file : undefined;
  const passing =
    file === undefined && stateDir === undefined ? mkdtempSync(join(tmpdir(), "awg-simulated-")) : undefined;
  const folder = stateDir ?? passing ?? `${file}.state`;
  const { machine, isTried } = machineOf([file, host.kind === "simulated" ? host.beginsAs : undefined]);
  let saved = renderMachineFile(machine.snapshot());
  const secrets = new SecretStore(folder, { environment, allowInsecurePermissions });
  const simulated = simulatedHost(machine, isAttended);
  return {
    host: {
      ...simulated,
      async [Symbol.asyncDispose]() {
        if (passing !== undefined) rmSync(passing, { recursive: true, force: true });
      },
    },
    stores: fileStores(folder, IDENTITY, secrets),
    stateDir: folder,
    isSimulated: true,
    ...auditIn(folder, environment, isUnattended === true),
    clock: { nowMs: Date.now, sleep: async (ms) => void (await sleep(ms)) },
    resolveSecret: async (named) => secrets.resolve(named),
    publicKeyOf: async (id) => (await import("../app/wg-tool/public-key.ts")).publicKeyText(secrets.bytesOf(id)),
    lock: async (verb) => {
      const held = takeLock(join(folder, "lock"), { pid: process.pid, verb, sinceMs: Date.now() });
      return { [Symbol.asyncDispose]: async () => held[Symbol.dispose]() };
    },
    whoChanges: async () => (await import("../state/lock-holder.ts")).lockHolder(join(folder, "lock")),
    daemon: {
      take: async () =>
        (await import("../state/daemon/daemon-file.ts")).takeDaemonPlace(join(folder, "daemon"), Date.now()),
      read: async () => (await import("../state/daemon/daemon-file.ts")).readDaemonRecord(join(folder, "daemon")),
    },
    processes: async () => (await import("../host/simulated/ports/processes.ts")).simulatedProcesses(machine),
    notesOn: (desired) => (machine.live.os === "darwin" ? oneWayNotes(desired) : []),
    events: simulatedNetworkEvents(machine),
    close: async () => {
      const ended = renderMachineFile(machine.snapshot());
      if (file === undefined || (!isTried && ended === saved)) return;
      writeWhole(file, ended);
      saved = ended;
    },
  };
}

/**
 * The first existing file, else a laptop. A file may also hold `faults`: errors at given writes of this run. The run
 * uses them up (`isTried`).
 */
function machineOf(files: readonly (string | undefined)[]): {
  readonly machine: SimulatedMachine;
  readonly isTried: boolean;
} {
  const file = files.find((path) => path !== undefined && existsSync(path));
  if (file === undefined) return { machine: new SimulatedMachine(laptopState()), isTried: false };
  const { faults, rest } = takeFaults(readFileSync(file, "utf8"));
  const machine = new SimulatedMachine(parseMachineFile(rest));
  machine.schedule(faults);
  return { machine, isTried: faults.length > 0 };
}

function takeFaults(text: string): { readonly faults: readonly ScheduledFault[]; readonly rest: string } {
  if (!text.includes('"faults"')) return { faults: [], rest: text };
  const { faults, ...rest } = JSON.parse(text) as { readonly faults?: readonly ScheduledFault[] };
  return { faults: Array.isArray(faults) ? faults : [], rest: JSON.stringify(rest) };
}

function writeWhole(path: string, text: string): void {
  writeFileSync(`${path}.new`, text, { mode: 0o600 });
  renameSync(`${path}.new`, path);
}
