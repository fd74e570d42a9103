import { once } from "node:events";
import { copyFileSync, existsSync, readdirSync, rmSync, statSync } from "node:fs";
import { connect } from "node:net";
import { join } from "node:path";
import { afterEach, describe, expect, test } from "vitest";
import type { KeeperRequest } from "../../src/model/keeper-protocol.ts";
import { NFT_TABLE, TABLE_MARK } from "../../src/model/ownership.ts";
import { encodeTable, encodeTableDeletion } from "../../src/native/linux/nftables/table.codec.ts";
import { LinuxMachine } from "../host/linux/linux-machine.ts";
import { commandObstacle, namespaceObstacle } from "../support/netns.ts";

const obstacle = namespaceObstacle() ?? commandObstacle("nft");

let machine: LinuxMachine | undefined;
afterEach(() => {
  machine?.[Symbol.dispose]();
  machine = undefined;
});

function transaction(...messages: readonly Uint8Array[]): KeeperRequest {
  const changes = messages.map((message) => ({ message: Buffer.from(message).toString("base64"), action: "trying" }));
  return { request: "nftTransaction", changes };
}

const ours = (family: "inet" | "netdev") =>
  encodeTable({ family, name: NFT_TABLE, owned: true, persistent: true, comment: TABLE_MARK });
const tablesIn = ({ namespace }: LinuxMachine) => namespace.run(["nft", "list", "tables"]).stdout.trim();
const flush = ({ namespace }: LinuxMachine) => namespace.run(["nft", "flush", "ruleset"], { mayFail: true });

const runOf = ({ folder }: LinuxMachine) => join(folder, "run");
const arming: KeeperRequest = { request: "armWatchdog", watch: { deadlineMs: 1e12, command: ["/bin/true"] } };

function keeperFolder(machine: LinuxMachine): string {
  const [keeper] = readdirSync(runOf(machine)).filter((name) => name.startsWith("keeper-"));
  return join(runOf(machine), keeper ?? "");
}

const keeperSocket = (machine: LinuxMachine) => join(keeperFolder(machine), "socket");

function filesOf(machine: LinuxMachine): Record<string, number> {
  const folder = keeperFolder(machine);
  return Object.fromEntries(readdirSync(folder).map((name) => [name, statSync(join(folder, name)).mode & 0o777]));
}

/** All processes in the namespace, which are keepers here. */
function keepersIn({ namespace }: LinuxMachine): number[] {
  const pids = namespace.run(["ip", "netns", "pids", namespace.name]).stdout.split("\n").filter(Boolean).map(Number);
  // Who looked stood there too.
  return pids.filter((pid) => existsSync(`/proc/${pid}`));
}

describe.skipIf(obstacle !== undefined)(`the owner of the tables (${obstacle ?? "on this kernel"})`, () => {
  test("law 6: no other program can flush or delete our tables while the keeper lives", () => {
    machine = new LinuxMachine("nft");
    expect(machine.keeper(transaction(ours("inet"), ours("netdev"))).tables).toEqual(["inet awg", "netdev awg"]);
    flush(machine);
    const deletion = machine.namespace.run(["nft", "delete", "table", "inet", NFT_TABLE], { mayFail: true });
    expect(deletion.status).not.toBe(0);
    expect(tablesIn(machine)).toBe("table inet awg\ntable netdev awg");
    expect(machine.keeper(transaction(encodeTableDeletion("inet", NFT_TABLE))).tables).toEqual(["netdev awg"]);
  });

  test("law 1: killed, it leaves the tables; the next one owns them again", () => {
    machine = new LinuxMachine("nft2");
    const { pid } = machine.keeper(transaction(ours("inet")));
    machine.kill(pid);
    expect(tablesIn(machine)).toBe("table inet awg");
    expect(machine.keeper({ request: "status" }).tables).toEqual(["inet awg"]);
    flush(machine);
    expect(tablesIn(machine)).toBe("table inet awg");
  });

  test("a refused transaction changes nothing and says which change", () => {
    machine = new LinuxMachine("nft3");
    const request = transaction(ours("inet"), encodeTableDeletion("inet", "absent"));
    const [, outcome] = machine.perform([
      { port: "keeper", method: "ensureRunning", args: [] },
      { port: "keeper", method: "request", args: [request] },
    ]);
    expect(outcome?.error).toMatchObject({ facts: { index: 1, errno: "ENOENT" } });
    expect(tablesIn(machine)).toBe("");
  });

  test("stopping it loosens nothing: the tables stay without an owner", () => {
    machine = new LinuxMachine("nft4");
    machine.keeper(transaction(ours("inet")));
    machine.keeper({ request: "stop" });
    expect(
      machine.waitFor(
        () => machine?.keeperStatus ?? null,
        (status) => status === null,
      ),
    ).toBeNull();
    expect(tablesIn(machine)).toBe("table inet awg");
  });

  test("a keeper with a removed folder creates folder, lock and socket again, and stays the owner", () => {
    machine = new LinuxMachine("nft5");
    const before = machine.keeper(transaction(ours("inet")), arming);
    rmSync(runOf(machine), { recursive: true });
    const after = machine.waitFor(
      () => machine?.keeperStatus,
      (status) => status != null,
    );
    expect(after).toEqual(before);
    expect(statSync(runOf(machine)).mode & 0o777).toBe(0o700);
    expect(filesOf(machine)).toMatchObject({ lock: 0o600, socket: 0o600, watchdog: 0o600 });
    expect(machine.keeper(transaction(ours("inet"), ours("netdev")))).toMatchObject({
      pid: before.pid,
      tables: ["inet awg", "netdev awg"],
    });
    expect(keepersIn(machine)).toEqual([before.pid]);
  });

  test("law 5: a watch that a gone namespace left under the same number is dropped", () => {
    machine = new LinuxMachine("nft7");
    using gone = new LinuxMachine("nft8");
    const [own, other] = [machine.keeper(arming), gone.keeper(arming)];
    expect([own.watchdog, other.watchdog]).toEqual([{ deadlineMs: 1e12 }, { deadlineMs: 1e12 }]);
    machine.kill(own.pid);
    expect(machine.keeper({ request: "status" }).watchdog).toEqual({ deadlineMs: 1e12 });
    machine.kill(machine.keeper({ request: "status" }).pid);
    copyFileSync(join(keeperFolder(gone), "watchdog"), join(keeperFolder(machine), "watchdog"));
    expect(machine.keeper({ request: "status" }).watchdog).toBeUndefined();
    expect(filesOf(machine)).not.toHaveProperty("watchdog");
  });

  test("a keeper that another has replaced releases everything, and the other adopts tables and watchdog", async () => {
    machine = new LinuxMachine("nft6");
    const before = machine.keeper(transaction(ours("inet"), ours("netdev")), arming);
    const client = connect({ path: keeperSocket(machine), allowHalfOpen: true });
    await once(client, "connect");
    process.kill(before.pid, "SIGSTOP");
    rmSync(runOf(machine), { recursive: true });
    const younger = machine.keeper({ request: "status" });
    expect(younger).toMatchObject({ tables: [] });
    expect(younger.pid).not.toBe(before.pid);
    const [removal] = machine.perform([{ port: "firewall", method: "load", args: [null] }]);
    expect(removal?.error).toMatchObject({ kind: "permission", facts: { owner: before.pid } });
    expect(removal?.error?.message).toMatch(new RegExp(`node .* \\(process ${before.pid}\\) owns that table$`));
    process.kill(before.pid, "SIGCONT");
    const after = machine.waitFor(
      () => machine?.keeperStatus,
      (status) => status?.tables.length === 2 && status.watchdog !== undefined,
    );
    expect(after).toEqual({ ...before, pid: younger.pid });
    flush(machine);
    expect(tablesIn(machine)).toBe("table inet awg\ntable netdev awg");
    const last = machine.waitFor(
      () => keepersIn(machine as LinuxMachine),
      (pids) => pids.length === 1,
    );
    expect(last).toEqual([younger.pid]);
    expect(machine.keeper(transaction(encodeTableDeletion("inet", NFT_TABLE))).tables).toEqual(["netdev awg"]);
    client.destroy();
  });
});
