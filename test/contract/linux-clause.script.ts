import { execFileSync } from "node:child_process";
import { createHash } from "node:crypto";
import { readFileSync, writeFileSync } from "node:fs";
import { linuxHost } from "../../src/host/linux/linux-host.ts";
import type { SecretId } from "../../src/model/secret.ts";
import type { ContractWorld } from "./contract-world.ts";
import { clausesOf } from "./coverage.ts";

/** What one run inside a namespace is told; it answers with the message of what it found broken, or null. */
export interface ClauseRun {
  readonly index: number;
  readonly uplink: string;
  readonly device: string;
  readonly folder: string;
  readonly keeperCommand: readonly string[];
}

const IP = "ip";
const RESOLV_CONF = "/etc/resolv.conf";
const run = JSON.parse(readFileSync(0, "utf8")) as ClauseRun;
const stored = new Map<SecretId, Uint8Array>();

function idOf(bytes: Uint8Array): SecretId {
  const id = createHash("sha256").update(bytes).digest("hex") as SecretId;
  stored.set(id, bytes);
  return id;
}

function bytesOf(id: SecretId): Uint8Array {
  const bytes = stored.get(id);
  if (bytes === undefined) throw new Error("no such secret");
  return bytes;
}

function ip(...words: readonly string[]): void {
  execFileSync(IP, words, { timeout: 30_000, stdio: ["ignore", "ignore", "inherit"] });
}

/** The machine's own resolv.conf must never be the one that is written. */
function checkResolverIsOurs(): void {
  const mounts = readFileSync("/proc/self/mountinfo", "utf8");
  if (!mounts.includes(` ${RESOLV_CONF} `)) throw new Error(`${RESOLV_CONF} is not the namespace's own`);
}

const openHost = () =>
  linuxHost({
    runDir: `${run.folder}/run`,
    stateDir: `${run.folder}/state`,
    namespaced: true,
    keeperCommand: run.keeperCommand,
    secrets: { idOf, bytesOf },
  });

const world: ContractWorld = {
  kind: "linux",
  host: openHost(),
  second: openHost,
  uplink: run.uplink,
  loopback: "lo",
  device: run.device,
  secrets: {
    privateKey: idOf(Uint8Array.from({ length: 32 }, (_, index) => (index === 31 ? 0x40 : 8 * (index + 1)) & 0xff)),
    presharedKey: idOf(new Uint8Array(32).fill(7)),
  },
  others: {
    addDevice: (name) => ip("link", "add", name, "type", "veth", "peer", "name", "other0"),
    addRoute: (table, destination) => ip("route", "add", destination, "dev", run.uplink, "table", String(table)),
    addRule: (preference) =>
      ip("rule", "add", "preference", String(preference), "from", "192.0.2.77", "lookup", "main"),
    removeDevice: (name) => ip("link", "delete", name),
    readResolver: () => readFileSync(RESOLV_CONF, "utf8"),
    writeResolver: (text) => writeFileSync(RESOLV_CONF, text),
  },
};

let broken: string | null = null;
try {
  checkResolverIsOurs();
  await clausesOf("linux")[run.index]?.check(world);
} catch (error) {
  broken = error instanceof Error ? (error.stack ?? error.message) : String(error);
}
process.stdout.write(JSON.stringify({ broken }));
