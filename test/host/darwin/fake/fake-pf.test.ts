import { describe, expect, test } from "vitest";
import { openPfDevice } from "../../../../src/host/darwin/firewall/pf-device.ts";
import { parsePf } from "../pf/parse-pf.ts";
import { ioctlNumber } from "./abi.ts";
import { FakeLibSystem } from "./fake-libsystem.ts";
import { macBook } from "./machine.ts";
import { FakePrograms } from "./programs/fake-programs.ts";

const RULES = `table <t1> { 10.0.0.0/8 !10.1.0.0/16 2001:db8::1 }
anchor "killswitch" on ! utun3 {
pass out quick on en0 proto { tcp udp } from any to { 192.0.2.1 2001:db8::7 } port 443 user 501 keep state (if-bound) label "x"
block drop quick all
}
`;

describe("the double of PF", () => {
  test("pfctl loads an anchor whole, prints it multiplied out, and refuses what is everybody's", async () => {
    const machine = macBook();
    const programs = new FakePrograms(machine);
    const pfctl = (args: string, input?: string) =>
      programs.run({ path: "/sbin/pfctl", args: args.split(" "), ...(input === undefined ? {} : { input }) });
    const loaded = await pfctl("-a com.awg -o none -f -", RULES);
    expect([loaded.status, loaded.stderr.includes("No ALTQ support")]).toEqual([0, true]);
    expect((await pfctl("-a com.awg/killswitch -sr")).stdout.split("\n")).toEqual([
      'pass out quick on en0 inet proto tcp from any to 192.0.2.1 port = https user = 501 flags S/SA keep state (if-bound) label "x"',
      'pass out quick on en0 inet6 proto tcp from any to 2001:db8::7 port = https user = 501 flags S/SA keep state (if-bound) label "x"',
      'pass out quick on en0 inet proto udp from any to 192.0.2.1 port = https user = 501 keep state (if-bound) label "x"',
      'pass out quick on en0 inet6 proto udp from any to 2001:db8::7 port = https user = 501 keep state (if-bound) label "x"',
      "block drop quick all",
      "",
    ]);
    expect((await pfctl("-s Anchors")).stdout).toBe("  com.apple\n  com.awg\n");
    expect((await pfctl("-a com.awg -t t1 -T show")).stdout).toBe("   10.0.0.0/8\n   !10.1.0.0/16\n   2001:db8::1\n");
    const broken = await pfctl("-a com.awg -o none -f -", "pass out on\n");
    expect([broken.status, machine.pf.anchors.has("com.awg/killswitch")]).toEqual([1, true]);
    for (const words of ["-f -", "-o none -f -", "-F all", "-d"])
      await expect(pfctl(words, "")).rejects.toThrow(/pfctl/);
  });

  test("tokens keep it on, outlive who took them, and are released once", () => {
    const machine = macBook();
    const lib = new FakeLibSystem(machine);
    const device = openPfDevice(lib);
    const tokens = [device.takeReference(), device.takeReference()] as const;
    expect([device.isEnabled(), device.references().map(({ pid }) => pid)]).toEqual([true, [4242, 4242]]);
    device.releaseReference(tokens[0]);
    expect(() => device.releaseReference(tokens[0])).toThrow(/nobody holds/);
    lib.exit();
    expect(machine.pf.enabled).toBe(true);
    const viewer = new FakeLibSystem(machine, { pid: 8, uid: 501 });
    expect(() => openPfDevice(viewer)).toThrow(/pf/);
    expect(() => new FakeLibSystem(machine).ioctl(99, ioctlNumber("DIOCSTOP"), new Uint8Array(0))).toThrow(/not open/);
  });

  test("a call is inserted into the main ruleset once, found, and taken out", () => {
    const machine = macBook();
    const device = openPfDevice(new FakeLibSystem(machine));
    device.insertCall("com.awg");
    device.insertCall("com.awg");
    expect(machine.pf.main.map(({ rule }) => rule.anchor)).toEqual(["com.apple/*", "com.awg"]);
    device.removeCalls("com.awg");
    expect(machine.pf.main.map(({ rule }) => rule.anchor)).toEqual(["com.apple/*"]);
  });

  test("a call that pf.conf itself has stays: by its ticket of 0 the kernel would remove another program's first rule", () => {
    const machine = macBook();
    const [call] = parsePf('anchor "com.awg"\n').rules;
    if (call === undefined) return expect.unreachable();
    machine.pf.main.push({ rule: call, ticket: 0n });
    const device = openPfDevice(new FakeLibSystem(machine));
    device.insertCall("com.awg");
    device.removeCalls("com.awg");
    expect(machine.pf.main.map(({ rule }) => rule.anchor)).toEqual(["com.apple/*", "com.awg"]);
  });

  test("while nothing keeps it on there is nothing to list", () => {
    const device = openPfDevice(new FakeLibSystem(macBook()));
    expect(device.references()).toEqual([]);
  });

  test("states are killed one by one", () => {
    const machine = macBook();
    const device = openPfDevice(new FakeLibSystem(machine));
    const state = { protocol: "tcp", interface: "ALL", from: "192.168.1.20:5000" } as const;
    machine.pf.states = [
      { ...state, to: "192.0.2.1:443" },
      { ...state, to: "192.0.2.1:80" },
    ];
    const source = { address: "192.168.1.20", port: 5000 };
    device.killStates({ family: 4, protocol: 6, source, destination: { address: "192.0.2.1", port: 443 } });
    expect(machine.pf.states.map(({ to }) => to)).toEqual(["192.0.2.1:80"]);
  });
});
