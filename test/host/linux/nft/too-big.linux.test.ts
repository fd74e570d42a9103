import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { OFFICE, policyOf } from "../../../model/firewall/policies.ts";
import { temporaryFolder } from "../../../support/folder.ts";
import { commandObstacle, makeNamespace, namespaceObstacle, type TestNamespace } from "../../../support/netns.ts";

const obstacle = namespaceObstacle() ?? commandObstacle("ip", "python3");
const PORT = 5555;
const NARROW = 1300;
const FAR = { 4: "203.0.113.9", 6: "2001:db8:2::9" } as const;
const HERE = { 4: "198.51.100.2", 6: "2001:db8:1::2" } as const;

/** Waits for somebody's first datagram, answers with large ones until the kernel knows what fits, and prints its route. */
const ANSWER = `
import json, socket, subprocess, sys, time
family, far, here, port, space = json.loads(sys.argv[1])
kind = socket.AF_INET6 if family == 6 else socket.AF_INET
s = socket.socket(kind, socket.SOCK_DGRAM)
s.bind((here, port))
s.settimeout(1)
ask = "import socket; s = socket.socket(%d, socket.SOCK_DGRAM); s.bind(('%s', 4444)); s.sendto(b'hello', ('%s', %d))"
shown = ""
end = time.monotonic() + 30
heard = None
while time.monotonic() < end and "mtu" not in shown:
    if heard is None:
        subprocess.run(["ip", "netns", "exec", space, sys.executable, "-c", ask % (kind, far, here, port)], check=True)
        try:
            heard = s.recvfrom(100)[1]
        except TimeoutError:
            continue
    try:
        s.sendto(bytes(1400), heard)
    except OSError:
        pass
    time.sleep(0.2)
    shown = subprocess.run(["ip", "-%d" % family, "route", "get", far], capture_output=True, text=True).stdout
print(shown)`;

describe.skipIf(obstacle !== undefined)(`S6.5: a path that is narrow further on (${obstacle ?? "1,300 bytes"})`, () => {
  let spaces: TestNamespace[] = [];
  let runDir: string;

  beforeEach(() => {
    runDir = temporaryFolder("too-big");
    spaces = ["big-here", "big-router", "big-far"].map(makeNamespace);
    const [here, router, far] = spaces as [TestNamespace, TestNamespace, TestNamespace];
    here.run(["ip", "link", "add", "eth0", "type", "veth", "peer", "name", "near", "netns", router.name]);
    router.run(["ip", "link", "add", "wide", "type", "veth", "peer", "name", "eth0", "netns", far.name]);
    const addresses: readonly (readonly [TestNamespace, string, string, string])[] = [
      [here, "eth0", `${HERE[4]}/24`, `${HERE[6]}/64`],
      [router, "near", "198.51.100.1/24", "2001:db8:1::1/64"],
      [router, "wide", "203.0.113.1/24", "2001:db8:2::1/64"],
      [far, "eth0", `${FAR[4]}/24`, `${FAR[6]}/64`],
    ];
    for (const [space, device, four, six] of addresses) {
      space.run(["ip", "address", "add", four, "dev", device]);
      space.run(["ip", "address", "add", six, "dev", device, "nodad"]);
      space.run(["ip", "link", "set", device, "up"]);
    }
    router.run(["sysctl", "-qw", "net.ipv4.ip_forward=1", "net.ipv6.conf.all.forwarding=1"]);
    for (const [space, side] of [
      [here, 1],
      [far, 2],
    ] as const) {
      space.run(["ip", "route", "add", "default", "via", side === 1 ? "198.51.100.1" : "203.0.113.1"]);
      space.run(["ip", "-6", "route", "add", "default", "via", `2001:db8:${side}::1`]);
    }
    router.run(["ip", "link", "set", "wide", "mtu", String(NARROW)]);
    far.run(["ip", "link", "set", "eth0", "mtu", String(NARROW)]);
  });

  afterEach(() => {
    for (const space of spaces) space[Symbol.dispose]();
  });

  test.each([4, 6] as const)(
    "IPv%i: a server learns it of flows that others opened",
    { timeout: 120_000 },
    (family) => {
      const [here, , far] = spaces as [TestNamespace, TestNamespace, TestNamespace];
      const policy = policyOf({
        flows: { rules: [], default: OFFICE },
        allow: [{ direction: "in", protocol: 17, ports: [{ from: PORT, to: PORT }] }],
      });
      const loaded = here.runScript("test/host/linux/nft/load-policy.script.ts", { runDir, policy });
      expect(loaded).toMatchObject({ damage: [] });
      const question = JSON.stringify([family, FAR[family], HERE[family], PORT, far.name]);
      const { stdout } = here.run(["python3", "-c", ANSWER, question], { timeoutMs: 100_000 });
      expect(stdout).toContain(`mtu ${NARROW}`);
    },
  );
});
