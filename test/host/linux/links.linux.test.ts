import { spawn } from "node:child_process";
import { once } from "node:events";
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterEach, describe, expect, test } from "vitest";
import type { LinkHolder, LinkObserved, LinkSpec } from "../../../src/model/resources/link.ts";
import { commandObstacle, namespaceObstacle, tunObstacle } from "../../support/netns.ts";
import { LinuxMachine } from "./linux-machine.ts";

const obstacle = namespaceObstacle() ?? tunObstacle() ?? commandObstacle("python3");
const DEVICE = `tl${process.pid % 10_000_000}`;
const SPEC: LinkSpec = {
  device: DEVICE,
  type: "tun",
  addresses: ["10.8.0.2/24", "fd00:8::2/64"],
  mtuBytes: 1380,
  tunnel: "office",
};

let machine: LinuxMachine | undefined;
afterEach(() => {
  machine?.[Symbol.dispose]();
  machine = undefined;
});
function newMachine(): LinuxMachine {
  machine = new LinuxMachine("link");
  return machine;
}

function read(machine: LinuxMachine): LinkObserved | undefined {
  return machine.call<LinkObserved[]>("links", "read").find(({ device }) => device === DEVICE);
}

/** The kernel's own link-local address comes when it likes. */
const withoutLinkLocal = (addresses: readonly string[] = []) => addresses.filter((one) => !one.startsWith("fe80:"));

describe.skipIf(obstacle !== undefined)(`links (${obstacle ?? "on this kernel"})`, () => {
  test("law 2: reading starts no keeper and shows every device", () => {
    const machine = newMachine();
    const links = machine.call<LinkObserved[]>("links", "read");
    expect(links).toMatchObject([{ device: "lo", type: "other", up: true, held: true }]);
    expect(links[0]).not.toHaveProperty("tunnel");
    expect(machine.keeperStatus).toBeNull();
  });

  test("another program's device is reported with the program's name", async () => {
    const machine = newMachine();
    const script = join(machine.folder, "corporate-vpn.py");
    writeFileSync(
      script,
      `import fcntl, struct, sys, time
tun = open("/dev/net/tun", "r+b", buffering=0)
fcntl.ioctl(tun, 0x400454CA, struct.pack("16sH22x", b"${DEVICE}", 0x1001))
print("made", flush=True)
time.sleep(60)`,
    );
    const holder = spawn("ip", ["netns", "exec", machine.namespace.name, "python3", "-u", script, "--token", "s3cret"]);
    try {
      await once(holder.stdout, "data");
      const { program, pid } = machine.call<LinkHolder>("links", "readHolder", DEVICE);
      expect([program, pid]).toEqual([expect.stringMatching(/^python3[0-9.]* corporate-vpn\.py$/), holder.pid]);
    } finally {
      holder.kill();
    }
  });

  test("a device is made, is exact afterwards, and goes", () => {
    const machine = newMachine();
    // Hardened machines have it so: no other device gets IPv6 by this.
    machine.namespace.run(["sysctl", "-w", "net.ipv6.conf.default.disable_ipv6=1"]);
    machine.call("links", "ensure", SPEC);
    const made = read(machine);
    expect(made).toMatchObject({ type: "tun", up: true, mtuBytes: 1380, tunnel: "office", held: true });
    expect(withoutLinkLocal(made?.addresses)).toEqual(SPEC.addresses);
    machine.namespace.run(["ip", "address", "add", "192.0.2.77/32", "dev", DEVICE]);
    machine.namespace.run(["ip", "link", "set", DEVICE, "mtu", "1200", "down"]);
    const changed = { ...SPEC, addresses: ["10.8.0.3/24", "fd00:8::2/64"] };
    machine.call("links", "ensure", changed);
    expect(read(machine)).toMatchObject({ up: true, mtuBytes: 1380, index: made?.index });
    expect(withoutLinkLocal(read(machine)?.addresses)).toEqual(changed.addresses);
    machine.call("links", "remove", DEVICE);
    expect(read(machine)).toBeUndefined();
    machine.call("links", "remove", DEVICE);
  });

  test("an IPv6 address that an MTU below 1280 forbids is reported with the device and its MTU", () => {
    const [outcome] = newMachine().perform([{ port: "links", method: "ensure", args: [{ ...SPEC, mtuBytes: 1250 }] }]);
    const reported = `${DEVICE} cannot have the IPv6 address fd00:8::2/64: its MTU is 1250, and IPv6 needs 1280`;
    expect(outcome?.error).toMatchObject({ kind: "host", message: reported });
  });

  test("law 3: ensuring twice is ensuring once", () => {
    const machine = newMachine();
    machine.call("links", "ensure", SPEC);
    const first = read(machine);
    machine.call("links", "ensure", SPEC);
    expect({ ...read(machine), addresses: [] }).toEqual({ ...first, addresses: [] });
  });

  test("law 6: another program's device is neither used nor deleted", () => {
    const machine = newMachine();
    machine.namespace.run(["ip", "link", "add", DEVICE, "type", "veth"]);
    const outcomes = machine.perform([
      { port: "links", method: "ensure", args: [SPEC] },
      { port: "links", method: "remove", args: [DEVICE] },
    ]);
    expect(outcomes.map(({ error }) => error?.kind)).toEqual(["conflict", "conflict"]);
    expect(read(machine)).toMatchObject({ device: DEVICE, type: "other" });
    expect(machine.keeperStatus).toBeNull();
  });

  test("law 4: after the keeper's death the device is not held; ensuring holds it again", () => {
    const machine = newMachine();
    machine.call("links", "ensure", SPEC);
    const index = read(machine)?.index;
    machine.kill(machine.keeperStatus?.pid);
    expect(read(machine)).toMatchObject({ held: false, tunnel: "office", index });
    machine.call("links", "ensure", SPEC);
    expect(read(machine)).toMatchObject({ held: true, index });
    machine.kill(machine.keeperStatus?.pid);
    machine.call("links", "remove", DEVICE);
    expect(read(machine)).toBeUndefined();
  });

  test("the kernel's own WireGuard is refused, not forgotten", () => {
    const machine = newMachine();
    const [outcome] = machine.perform([{ port: "links", method: "ensure", args: [{ ...SPEC, type: "wireguard" }] }]);
    expect(outcome?.error?.kind).toBe("unsupported");
  });
});
