import { closeSync, openSync } from "node:fs";
import { join } from "node:path";
import { readRegularFile } from "../../src/app/load/read-config-file.ts";
import { readServiceUser, readUids } from "../../src/host/linux/service-user.ts";
import { AwgError } from "../../src/model/error.ts";
import { takeLock } from "../../src/state/lock.ts";
import { lockHolder } from "../../src/state/lock-holder.ts";
import { readSecretText } from "../../src/state/secret-source.ts";
import { openForAppend, StateFolder } from "../../src/state/state-folder.ts";

// Reads and opens each sort of file of awg's while this process can open no more, and says what each error is.
const [folder = ""] = process.argv.slice(2);
const file = (name: string): string => join(folder, name);
const state = new StateFolder(folder);
const holder = { pid: process.pid, verb: "apply", sinceMs: 0 };
const ACTS: Readonly<Record<string, () => unknown>> = {
  state: () => state.read("any"),
  journal: () => openForAppend(file("any")),
  write: () => state.replace("any", new Uint8Array(1)),
  lock: () => takeLock(file("lock"), holder),
  holder: () => lockHolder(file("any")),
  secret: () => readSecretText({ file: file("any") }, { environment: {}, allowInsecurePermissions: false }),
  list: () => state.list(),
  config: () => readRegularFile(file("any")),
  users: () => readUids(["root"]),
  serviceUser: () => readServiceUser(),
};

const taken: number[] = [];
function takeAll(): void {
  try {
    while (true) taken.push(openSync("/dev/null", "r"));
  } catch {
    // There are no more.
  }
}

const reported: Record<string, unknown> = {};
for (const [what, act] of Object.entries(ACTS)) {
  takeAll();
  try {
    reported[what] = act() ?? "no error";
  } catch (error) {
    const { kind, remedy = "", facts } = error instanceof AwgError ? error : { kind: String(error), facts: {} };
    reported[what] = { kind, remedy, state: (facts as Record<string, unknown>)["state"] ?? null };
  }
  for (const one of taken.splice(0)) closeSync(one);
}
process.stdout.write(JSON.stringify(reported));
