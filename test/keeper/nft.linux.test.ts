import { afterEach, describe, expect, test } from "vitest";
import type { KeeperRequest } from "../../src/model/keeper-protocol.ts";
import { NFT_TABLE } from "../../src/model/ownership.ts";
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

const ours = (family: "inet" | "netdev") => encodeTable({ family, name: NFT_TABLE, owned: true, persistent: true });
const tablesIn = ({ namespace }: LinuxMachine) => namespace.run(["nft", "list", "tables"]).stdout.trim();
const flush = ({ namespace }: LinuxMachine) => namespace.run(["nft", "flush", "ruleset"], { mayFail: true });

describe.skipIf(obstacle !== undefined)(`the owner of the tables (${obstacle ?? "on this kernel"})`, () => {
  test("law 6: nobody else's flush or deletion takes our tables while the keeper lives", () => {
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
});
