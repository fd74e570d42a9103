import { afterEach, describe, expect, test } from "vitest";
import type { HostFacts } from "../../../../src/host/ports/facts.ts";
import { commandObstacle, namespaceObstacle, tunObstacle } from "../../../support/netns.ts";
import { LinuxMachine } from "../linux-machine.ts";

const obstacle = namespaceObstacle() ?? commandObstacle("nft", "tc");

let machine: LinuxMachine | undefined;
afterEach(() => {
  machine?.[Symbol.dispose]();
  machine = undefined;
});

const readFacts = (machine: LinuxMachine, users: readonly string[] = [], hosts: readonly string[] = []) =>
  machine.call<HostFacts>("facts", "read", { users, hosts });

describe.skipIf(obstacle !== undefined)(`facts (${obstacle ?? "on this kernel"})`, () => {
  test("uplinks and devices are those that are not ours", () => {
    machine = new LinuxMachine("facts");
    const { namespace } = machine;
    namespace.run(["ip", "link", "add", "up0", "mtu", "1400", "type", "veth", "peer", "name", "up1"]);
    for (const device of ["up0", "up1"]) namespace.run(["ip", "link", "set", device, "up"]);
    namespace.run(["ip", "link", "set", "up1", "alias", "awg:office"]);
    namespace.run(["ip", "address", "add", "192.0.2.10/24", "dev", "up0"]);
    namespace.run(["ip", "route", "add", "default", "via", "192.0.2.1", "metric", "200"]);
    namespace.run(["ip", "route", "add", "default", "dev", "up0", "metric", "100"]);
    namespace.run(["ip", "route", "add", "default", "dev", "up1", "metric", "50"]);
    namespace.run(["ip", "-6", "route", "add", "default", "dev", "up0", "metric", "300"]);
    namespace.run(["ip", "route", "add", "unreachable", "default", "metric", "4000"]);
    const facts = readFacts(machine);
    expect(facts.networks).toBeUndefined();
    namespace.run(["ip", "neighbour", "add", "192.0.2.1", "lladdr", "02:00:00:aa:bb:cc", "dev", "up0"]);
    expect(machine.call<HostFacts>("facts", "read", { users: [], hosts: [], networks: true }).networks).toEqual([
      { device: "up0", wired: true },
      { device: "up0", wired: true, gatewayMac: "02:00:00:aa:bb:cc" },
      { device: "up0", wired: true },
    ]);
    expect(facts.uplinks).toEqual([
      { family: 4, device: "up0", metric: 100 },
      { family: 4, device: "up0", gateway: "192.0.2.1", metric: 200 },
      { family: 6, device: "up0", metric: 300 },
    ]);
    expect(facts.devices).toEqual([{ name: "up0", mtuBytes: 1400, queue: "noqueue" }]);
    expect(facts).toMatchObject({ os: "linux", resolver: "file", serviceUid: expect.any(Number) });
  });

  test("users and hosts that do not exist are left out; addresses stand for themselves", () => {
    machine = new LinuxMachine("names");
    const facts = readFacts(machine, ["root", "no-such-user"], ["192.0.2.7", "2001:db8::7", "no-such-host.invalid"]);
    expect(facts.uids).toEqual({ root: 0 });
    expect(facts.addresses).toEqual({ "192.0.2.7": ["192.0.2.7"], "2001:db8::7": ["2001:db8::7"] });
  });

  test("law 2: finding out what the kernel can do leaves no trace", () => {
    machine = new LinuxMachine("probe");
    const { capabilities } = readFacts(machine);
    expect(capabilities.tun).toBe(tunObstacle() === undefined);
    expect(capabilities.userspaceWireguard).toBe(commandObstacle("wireguard-go") === undefined);
    expect(capabilities.resolved).toBe(false);
    expect(machine.namespace.run(["nft", "list", "tables"]).stdout).toBe("");
    expect(machine.keeperStatus).toBeNull();
  });

  test("law 2: mechanisms of rates are those that tc and ip can use, and trying them changes nothing", () => {
    machine = new LinuxMachine("rates");
    const { namespace } = machine;
    const tried = (command: string) => namespace.run(["sh", "-c", command], { mayFail: true }).status === 0;
    const before = namespace.run(["ip", "link"]).stdout;
    const { rates } = machine.call<HostFacts>("facts", "read", { users: [], hosts: [], rates: "all" });
    expect(namespace.run(["ip", "link"]).stdout).toBe(before);
    expect(namespace.run(["tc", "qdisc", "show"]).stdout).not.toContain("htb");
    expect(namespace.run(["nft", "list", "tables"]).stdout).toBe("");
    expect(rates).toEqual({
      filter: tried("nft add table ip x && nft add chain ip x y && nft add rule ip x y limit rate 1 bytes/second drop"),
      htb: tried("tc qdisc add dev lo root handle 1: htb"),
      ifb: tried("ip link add ifb9 type ifb"),
    });
  });

  test("the fingerprint is the machine's and the namespace's", () => {
    machine = new LinuxMachine("print");
    const other = new LinuxMachine("print2");
    try {
      const [first, again, third] = [readFacts(machine), readFacts(machine), readFacts(other)];
      expect(first.fingerprint).toMatch(/^[0-9a-f]{64}$/);
      expect(again.fingerprint).toBe(first.fingerprint);
      expect(third.fingerprint).not.toBe(first.fingerprint);
    } finally {
      other[Symbol.dispose]();
    }
  });
});
