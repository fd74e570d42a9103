import { createHash } from "node:crypto";
import { readFileSync } from "node:fs";
import { keeperClient } from "../../../src/host/linux/keeper-client.ts";
import { linuxHost } from "../../../src/host/linux/linux-host.ts";
import { AwgError } from "../../../src/model/error.ts";
import { type KeeperRequest, keeperPaths } from "../../../src/model/keeper-protocol.ts";
import type { SecretId } from "../../../src/model/secret.ts";
import { readNamespaceInode } from "../../../src/native/linux/process/namespace.ffi.ts";
import type { HostCall, HostCalls, HostOutcome } from "./linux-machine.ts";

/** Carries out calls on the Linux host of this network namespace, in order; an error does not stop the next one. */
const { calls, runDir, stateDir, keeperCommand, secrets } = JSON.parse(readFileSync(0, "utf8")) as HostCalls;

const idOf = (bytes: Uint8Array) => `id-${createHash("sha256").update(bytes).digest("hex")}` as SecretId;
const stored = new Map(secrets.map((hex) => [idOf(Buffer.from(hex, "hex")), Buffer.from(hex, "hex")]));
const bytesOf = (id: SecretId) => {
  const bytes = stored.get(id);
  if (bytes === undefined) throw new AwgError("host", "no such secret");
  return bytes;
};

await using host = linuxHost({ runDir, stateDir, namespaced: true, keeperCommand, secrets: { idOf, bytesOf } });
const keeper = keeperClient(keeperPaths(runDir, readNamespaceInode()), keeperCommand);

async function perform({ port, method, args }: HostCall): Promise<unknown> {
  if (port === "keeper") {
    if (method === "status") return (await keeper.status()) ?? null;
    if (method === "ensureRunning") return keeper.ensureRunning();
    return keeper.request(args[0] as KeeperRequest);
  }
  const target = host[port] as unknown as Record<string, (...values: readonly unknown[]) => Promise<unknown>>;
  return target[method]?.(...args);
}

const outcomes: HostOutcome[] = [];
for (const call of calls) {
  try {
    outcomes.push({ value: (await perform(call)) ?? null });
  } catch (error) {
    if (!(error instanceof AwgError)) throw error;
    outcomes.push({ error: { kind: error.kind, message: error.message, facts: error.facts } });
  }
}
process.stdout.write(JSON.stringify(outcomes));
