import { existsSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import type { FirewallPolicy, FlowMatch, PathRef } from "../../../../src/model/firewall/policy.ts";
import { between, blockedPolicy } from "../../../../src/model/firewall/transition.ts";
import { markOfClass, ORPHANED, UNCLASSIFIED } from "../../../../src/model/ownership.ts";
import { BLOCK, DIRECT, OFFICE, policyOf } from "../../../model/firewall/policies.ts";
import { temporaryFolder } from "../../../support/folder.ts";
import { commandObstacle, makeNamespace, namespaceObstacle, type TestNamespace } from "../../../support/netns.ts";

const obstacle = namespaceObstacle() ?? commandObstacle("ip", "python3", "ping");
/** Everything by the tunnel; SSH may come in. */
const SERVER = policyOf({
  flows: { rules: [], default: OFFICE },
  allow: [{ direction: "in", protocol: 6, ports: [{ from: 22, to: 22 }] }],
});
const PORTS = { allowed: 22, refused: 23 } as const;
const REMOTE = "203.0.113.9";
const NOBODY = 65_534;
const ORPHAN = fileURLToPath(new URL("./programs/orphan.py", import.meta.url));
const FORGED = fileURLToPath(new URL("./programs/forged.py", import.meta.url));
const OWN_QUESTION = fileURLToPath(new URL("./programs/own-question.py", import.meta.url));
const REFLECTED = fileURLToPath(new URL("./programs/reflected.py", import.meta.url));
const STRANGERS = fileURLToPath(new URL("./programs/strangers.py", import.meta.url));
const STANDING = fileURLToPath(new URL("./programs/standing.py", import.meta.url));
const SUBFLOW = fileURLToPath(new URL("./programs/subflow.py", import.meta.url));
const LOAD_POLICY = fileURLToPath(new URL("./load-policy.script.ts", import.meta.url));

/**
 * Real sockets and the kernel's own packets, with routes as awg sets them: marks choose tables, the default table is the
 * tunnel's. `there` is the neighbour on the wire (198.51.100.1) and the world behind the tunnel (203.0.113.9).
 */
describe.skipIf(obstacle !== undefined)(`under the policy${obstacle === undefined ? "" : ` (${obstacle})`}`, () => {
  let [here, there, guest]: TestNamespace[] = [];
  let runDir: string;
  const the = (space: TestNamespace | undefined) => space as TestNamespace;

  beforeEach(() => {
    runDir = temporaryFolder("firewall");
    [here, there, guest] = ["fw-here", "fw-there", "fw-guest"].map(makeNamespace);
    link(the(here), "eth0", the(there), "wire");
    link(the(here), "awg-office", the(there), "tunnel");
    link(the(here), "guests", the(guest), "eth0");
    address(the(here), {
      eth0: ["198.51.100.2/24", "2001:db8:9::2/64"],
      "awg-office": ["10.8.0.2/32"],
      guests: ["172.17.0.1/24"],
    });
    address(the(there), {
      wire: ["198.51.100.1/24", "2001:db8:9::1/64"],
      tunnel: [`${REMOTE}/32`],
      lo: ["192.0.2.99/32"],
    });
    address(the(guest), { eth0: ["172.17.0.5/24"] });
    the(here).run([
      "sysctl",
      "-qw",
      "net.ipv4.ip_forward=1",
      "net.ipv4.conf.all.rp_filter=0",
      "net.ipv4.conf.awg-office.rp_filter=0",
    ]);
    the(here).run(["ip", "route", "add", "default", "via", "198.51.100.1"]);
    the(here).run(["ip", "route", "add", "default", "dev", "awg-office", "table", "101"]);
    the(here).run(["ip", "rule", "add", "pref", "100", "fwmark", "0x3d000000/0xff000000", "lookup", "main"]);
    the(here).run(["ip", "rule", "add", "pref", "110", "to", "172.17.0.0/24", "lookup", "main"]);
    the(here).run(["ip", "rule", "add", "pref", "200", "lookup", "101"]);
    // Strict: an answer that came by the other link than its question is not taken.
    the(there).run(["sysctl", "-qw", "net.ipv4.conf.all.rp_filter=1"]);
    the(there).run(["ip", "route", "add", "10.8.0.2/32", "dev", "tunnel"]);
    the(there).run(["ip", "route", "add", "172.17.0.0/24", "via", "10.8.0.2"]);
    the(guest).run(["ip", "route", "add", "default", "via", "172.17.0.1"]);
  });

  afterEach(() => {
    for (const space of [here, there, guest]) space?.[Symbol.dispose]();
  });

  function link(near: TestNamespace, device: string, far: TestNamespace, other: string): void {
    near.run(["ip", "link", "add", device, "type", "veth", "peer", "name", other, "netns", far.name]);
    near.run(["ip", "link", "set", device, "up"]);
    far.run(["ip", "link", "set", other, "up"]);
  }

  function address(space: TestNamespace, list: Record<string, string[]>): void {
    for (const [device, texts] of Object.entries(list)) {
      for (const text of texts)
        space.run(["ip", "addr", "add", text, "dev", device, ...(text.includes(":") ? ["nodad"] : [])]);
    }
  }

  const load = (policy: FirewallPolicy) =>
    expect(the(here).runScript("test/host/linux/nft/load-policy.script.ts", { runDir, policy })).toMatchObject({
      damage: [],
    });
  const ping = (space: TestNamespace, to: string, ...options: readonly string[]) =>
    space.run(["ping", ...options, to], { mayFail: true }).status === 0;
  /** An answer came within 30 s, whatever the machine is busy with. */
  const reaches = (space: TestNamespace, to: string) => ping(space, to, "-c", "1", "-w", "30");
  /** None came to three questions. */
  const isCutOff = (space: TestNamespace, to: string, ...options: readonly string[]) =>
    !ping(space, to, "-c", "3", "-i", "0.2", "-W", "1", ...options);

  /** Connects from `there` to a port here, where somebody listens, and gives what the listener said within the time. */
  function connect(to: string, port: number, seconds: number): string {
    const listener = `
import socket, subprocess, sys
s = socket.create_server(("0.0.0.0", ${port}))
client = subprocess.Popen(["ip", "netns", "exec", "${the(there).name}", sys.executable, "-c",
  "import socket; s = socket.create_connection(('${to}', ${port}), ${seconds}); print(s.recv(9).decode())"],
  stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True)
try:
    s.settimeout(${seconds + 1})
    connection = s.accept()[0]
    connection.sendall(b"welcome")
    connection.close()
except TimeoutError:
    pass
print(client.communicate(timeout=${seconds + 20})[0].strip())`;
    return the(here).run(["python3", "-c", listener]).stdout.trim();
  }

  const isWelcome = (to: string, port: number) => connect(to, port, 30) === "welcome";
  const isIgnored = (to: string, port: number) => connect(to, port, 2) === "";

  test("control: without a policy everything is reached", () => {
    the(here).run(["ip", "rule", "del", "pref", "200"]);
    expect(isWelcome("198.51.100.2", PORTS.refused)).toBe(true);
    expect(reaches(the(here), "198.51.100.1")).toBe(true);
    expect(reaches(the(here), "192.0.2.99")).toBe(true);
  });

  test("S3.4, S4.1: a stated exception is answered by the link it came by, and nothing else is", () => {
    load(SERVER);
    expect(isWelcome("198.51.100.2", PORTS.allowed)).toBe(true);
    expect(isIgnored("198.51.100.2", PORTS.refused)).toBe(true);
  });

  test("S11.2: connections at a stated exception go on over both IP versions, no others do", () => {
    const servers = [
      ["198.51.100.2", PORTS.allowed],
      ["2001:db8:9::2", PORTS.allowed],
      ["198.51.100.2", PORTS.refused],
    ];
    // The tunnel's routes come after the policy.
    the(here).run(["ip", "rule", "add", "pref", "105", "lookup", "main"]);
    const argv = ["sh", "-c", '"$0" "$1" && ip rule del pref 105', process.execPath, LOAD_POLICY];
    const job = { there: the(there).name, servers, load: { argv, input: { runDir, policy: SERVER } } };
    const { stdout } = the(here).run(["python3", STANDING], { input: JSON.stringify(job) });
    expect(JSON.parse(stdout)).toEqual(["welcome", "welcome", ""]);
  });

  test("S5: the machine reaches the world through the tunnel and not past it", () => {
    load(SERVER);
    expect(reaches(the(here), REMOTE)).toBe(true);
    expect(isCutOff(the(here), "198.51.100.1", "-I", "eth0")).toBe(true);
    the(here).run(["ip", "route", "del", "default", "table", "101"]);
    expect(isCutOff(the(here), "192.0.2.99")).toBe(true);
  });

  test("S6.1: the peer reaches the tunnel's address through the tunnel; S2.3: a neighbour does not by the wire", () => {
    load(SERVER);
    expect(isWelcome("10.8.0.2", PORTS.refused)).toBe(true);
    the(there).run(["ip", "route", "replace", "10.8.0.2/32", "via", "198.51.100.2"]);
    expect(isIgnored("10.8.0.2", PORTS.allowed)).toBe(true);
  });

  test("S2.3: a neighbour sends nothing into the tunnel in this host's name", () => {
    const [own, beyond] = ["fd00:8::2", "2001:db8:77::1"];
    const hardware = (space: TestNamespace, device: string) =>
      space.run(["cat", `/sys/class/net/${device}/address`]).stdout.trim();
    the(here).run(["sysctl", "-qw", "net.ipv6.conf.all.forwarding=1"]);
    address(the(here), { "awg-office": [`${own}/128`] });
    the(here).run(["ip", "-6", "route", "add", beyond, "dev", "awg-office"]);
    the(here).run(["ip", "neigh", "add", beyond, "lladdr", hardware(the(there), "tunnel"), "dev", "awg-office"]);
    const send = (from: string) => {
      const job = { from, to: beyond, by: "wire", heard: "tunnel", lladdr: hardware(the(here), "eth0") };
      return the(there)
        .run(["python3", FORGED], { input: JSON.stringify(job) })
        .stdout.trim();
    };
    expect(send(own)).toBe("3");
    load(policyOf({ flows: { rules: [], default: OFFICE } }));
    expect([send("2001:db8:9::1"), send(own)]).toEqual(["3", "0"]);
  });

  test("S7, S9.3: a guest reaches the world through the tunnel, gets its answers, and reaches nothing else", () => {
    load(SERVER);
    expect(reaches(the(guest), REMOTE)).toBe(true);
    the(here).run(["ip", "rule", "add", "pref", "120", "to", "198.51.100.0/24", "lookup", "main"]);
    expect(isCutOff(the(guest), "198.51.100.1")).toBe(true);
    expect(isCutOff(the(guest), "172.17.0.1")).toBe(true);
    expect(isCutOff(the(there), "172.17.0.5")).toBe(true);
  });

  test("S4.2: a guest's DNS to a declared server goes the servers' path, which need not lead back to the guest", () => {
    the(here).run(["ip", "rule", "del", "pref", "200"]);
    const ofGuests = ["to", REMOTE, "fwmark", "0xfe000000/0xff000000", "lookup", "101"];
    the(here).run(["ip", "rule", "add", "pref", "90", ...ofGuests]);
    the(here).run(["ip", "route", "replace", "unreachable", "default", "table", "101"]);
    the(here).run(["ip", "route", "add", REMOTE, "dev", "awg-office", "table", "101"]);
    the(here).run(["sysctl", "-qw", "net.ipv4.conf.all.rp_filter=2", "net.ipv4.conf.all.src_valid_mark=1"]);
    const dns = { servers: [REMOTE], path: OFFICE, leakProtection: true, blockEncrypted: false };
    load(policyOf({ flows: { rules: [], default: DIRECT }, dns }));
    expect([answerTo(53), answerTo(54)]).toEqual(["answer", ""]);
  });

  /** What a guest gets from that port of the world behind the tunnel, which takes nothing by the wire. */
  function answerTo(port: number): string {
    const ask = `
import socket, subprocess, sys
server = subprocess.Popen(["ip", "netns", "exec", "${the(there).name}", sys.executable, "-c",
  "import socket; s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM); s.bind(('${REMOTE}', ${port})); print(1, flush=True); s.sendto(b'answer', s.recvfrom(9)[1])"],
  stdout=subprocess.PIPE)
server.stdout.readline()
s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
s.settimeout(1)
for _ in range(3):
    s.sendto(b"question", ("${REMOTE}", ${port}))
    try:
        print(s.recv(9).decode())
        break
    except TimeoutError:
        pass
server.kill()`;
    return the(guest).run(["python3", "-c", ask]).stdout.trim();
  }

  describe("S6.8: a guest that asks in another's name", () => {
    const service = [{ from: 5_000, to: 5_000 }];
    const here6 = "fd00:17::1";
    const forged = [
      { from: "203.0.113.77", to: "172.17.0.1" },
      { from: "2001:db8:77::9", to: here6 },
      { from: "203.0.113.77", to: "172.17.0.1", port: 5_000 },
      { from: "2001:db8:77::9", to: here6, port: 5_000 },
      // Into the tunnel: the error that it went too far, or is too large, has it in it.
      { from: "2001:db8:77::9", to: "2001:db8:88::1" },
      { from: "2001:db8:77::9", to: "2001:db8:88::1", hops: 1 },
      { from: "2001:db8:77::9", to: "2001:db8:88::1", more: 1_300 },
      // In nobody's name: the kernel looks that up like any address, and finds the default route.
      { from: "::", to: here6 },
    ];
    const answered = [0, 1, 2, 3, 5, 6, 7];
    const policy = policyOf({
      flows: { rules: [], default: OFFICE },
      allow: [
        { direction: "in", protocol: 1 },
        { direction: "in", protocol: 58 },
        {
          direction: "in",
          protocol: 17,
          ports: [...service, { from: 67, to: 67 }, { from: 547, to: 547 }, { from: 5_353, to: 5_353 }],
        },
      ],
    });
    const hardware = (space: TestNamespace, device: string) =>
      space.run(["cat", `/sys/class/net/${device}/address`]).stdout.trim();

    beforeEach(() => {
      the(here).run(["sysctl", "-qw", "net.ipv6.conf.all.forwarding=1", "net.ipv4.icmp_ratelimit=0"]);
      address(the(here), { guests: [`${here6}/64`], "awg-office": ["fd00:8::2/128"] });
      the(here).run(["ip", "link", "set", "awg-office", "mtu", "1280"]);
      for (const [neighbour, far, device] of [
        ["198.51.100.1", "wire", "eth0"],
        ["2001:db8:9::1", "wire", "eth0"],
        ["2001:db8:88::1", "tunnel", "awg-office"],
      ] as const)
        the(here).run(["ip", "neigh", "add", neighbour, "lladdr", hardware(the(there), far), "dev", device]);
      the(here).run(["ip", "-6", "route", "add", "default", "via", "2001:db8:9::1"]);
      the(here).run(["ip", "-6", "route", "add", "default", "dev", "awg-office", "table", "101"]);
      the(here).run(["ip", "-6", "rule", "add", "pref", "100", "fwmark", "0x3d000000/0xff000000", "lookup", "main"]);
      the(here).run(["ip", "-6", "rule", "add", "pref", "200", "lookup", "101"]);
    });

    function ask(packets: readonly object[], heard: readonly number[], left: readonly number[], seconds = 1) {
      const job = {
        machine: { space: the(here).name, device: "guests", addresses: ["172.17.0.1", here6] },
        guest: { space: the(guest).name, device: "eth0", lladdr: hardware(the(here), "guests") },
        wire: { space: the(there).name, device: "wire" },
        packets,
        heard,
        left,
        seconds: heard.length + left.length > 0 ? 20 : seconds,
      };
      return JSON.parse(the(here).run(["python3", REFLECTED], { input: JSON.stringify(job) }).stdout);
    }

    test("is not answered there, nor informed there of what was not sent on; of two uplinks both are served", () => {
      load(policy);
      expect(ask(forged, [], [])).toEqual({ heard: [], left: [] });
      for (const family of ["-4", "-6"])
        the(here).run(["ip", family, "route", "add", "default", "dev", "guests", "metric", "2000"]);
      const reported = the(here).runScript("test/host/linux/nft/load-policy.script.ts", { runDir });
      expect(reported).toMatchObject({ damage: [expect.stringContaining("device guests has a default route")] });
      load(policy);
      expect(ask(forged, [2, 3], answered)).toEqual({ heard: [2, 3], left: answered });
    });

    test("S5.5: a lone first fragment is reported to no one, where packets without a user may go directly", () => {
      const timeouts = ["net.ipv4.ipfrag_time=1", "net.netfilter.nf_conntrack_frag6_timeout=1"];
      the(here).run(["sysctl", "-qw", ...timeouts]);
      const lone = [
        { from: "198.51.100.1", to: "172.17.0.1", lone: true },
        { from: "2001:db8:9::1", to: here6, lone: true },
      ];
      const flows = { rules: [], default: DIRECT };
      load(policyOf({ killSwitch: false, flows }));
      expect(ask(lone, [], [0, 1])).toEqual({ heard: [], left: [0, 1] });
      load(policyOf({ flows }));
      expect(ask(lone, [], [], 4)).toEqual({ heard: [], left: [] });
    });

    test("its own questions, DHCP, mDNS, and what its link has no route for are heard; so is who is routed back by a rule", () => {
      load(policy);
      for (const family of ["-4", "-6"]) {
        const from = family === "-4" ? "172.17.0.1" : here6;
        the(here).run(["ip", family, "route", "add", "default", "dev", "guests", "table", "102"]);
        the(here).run(["ip", family, "rule", "add", "pref", "50", "from", from, "lookup", "102"]);
      }
      const packets = [
        { from: "172.17.0.5", to: "172.17.0.1", port: 5_000 },
        { from: "fd00:17::5", to: here6, port: 5_000 },
        { from: "0.0.0.0", to: "255.255.255.255", sport: 68, port: 67 },
        { from: "172.17.0.5", to: "172.17.0.255", sport: 68, port: 67 },
        { from: "fe80::5", to: "ff02::1:2", sport: 546, port: 547 },
        { from: "172.17.0.5", to: "224.0.0.251", sport: 5_353, port: 5_353 },
        { from: "fe80::5", to: "ff02::fb", sport: 5_353, port: 5_353 },
        { from: "fd00:17::5", to: "ff02::fb", sport: 5_353, port: 5_353 },
        { from: "203.0.113.77", to: "172.17.0.1", port: 5_000 },
        { from: "2001:db8:77::9", to: here6, port: 5_000 },
      ];
      const all = packets.map((_, at) => at);
      expect(ask(packets, all, [])).toEqual({ heard: all, left: [] });
    });
  });

  describe("S2.1: a program that asks itself over loopback in a neighbour's name has no answer to give the neighbour", () => {
    const ports = [{ from: 5_000, to: 5_000 }];
    const policy = policyOf({
      flows: { rules: [], default: OFFICE },
      allow: [{ direction: "in", protocol: 17, ports }],
    });
    const linkLocal = (space: TestNamespace, device: string): string => {
      const found = /inet6 (fe80[^/]*)/.exec(space.run(["ip", "-6", "addr", "show", "dev", device]).stdout)?.[1];
      if (found === undefined) throw new Error(`no link-local address on ${device}`);
      return found;
    };
    const ask = (from: string, neighbour: string, asked: string = from) => {
      const job = { there: the(there).name, uid: NOBODY, from, neighbour, asked, device: "eth0", wire: "wire" };
      return JSON.parse(the(here).run(["python3", OWN_QUESTION], { input: JSON.stringify(job) }).stdout);
    };

    const linkLocals = () => {
      for (const [space, device] of [
        [the(here), "eth0"],
        [the(there), "wire"],
      ] as const)
        space.run([
          "sh",
          "-c",
          `until ip -6 addr show dev ${device} scope link -tentative | grep -q fe80; do sleep 0.1; done`,
        ]);
      return [linkLocal(the(here), "eth0"), linkLocal(the(there), "wire")] as const;
    };

    test("nor has the kernel, where a rule shuts the program's user out; what it sends itself comes", () => {
      const shut = { origin: "rules/0", match: { uids: [{ from: NOBODY, to: NOBODY }] }, path: BLOCK };
      const [link] = linkLocals();
      load(policyOf({ flows: { rules: [shut], default: DIRECT } }));
      const ends = { from: "2001:db8:9::2", neighbour: "2001:db8:9::1", link, device: "eth0", wire: "wire" };
      const input = JSON.stringify({ there: the(there).name, uid: NOBODY, ...ends });
      const came = { link: true, "link echo": true, here: true, "here echo": true };
      expect(JSON.parse(the(here).run(["python3", STRANGERS], { input }).stdout)).toEqual({ wire: [], came });
    });

    test("by its address", () => {
      load(policy);
      expect(ask("2001:db8:9::2", "2001:db8:9::1")).toEqual({ came: false, heard: false, answered: true });
    });

    test("S3.4: nor by what it asks and answers in two foreign names, through the tunnel and beside it", () => {
      the(here).run(["ip", "-6", "route", "add", "2001:db8:7::/64", "dev", "awg-office"]);
      load(policy);
      const heard = ask("2001:db8:9::2", "2001:db8:9::1", "2001:db8:7::9");
      expect(heard).toEqual({ came: true, heard: false, answered: true });
    });

    test("by its link-local address", () => {
      load(policy);
      const [own, neighbour] = linkLocals();
      expect(ask(own, neighbour)).toEqual({ came: false, heard: false, answered: true });
    });
  });

  test("S2.6: neighbours find the machine while everything is blocked, and hear nothing more", () => {
    load(blockedPolicy());
    expect(isCutOff(the(there), "2001:db8:9::2")).toBe(true);
    const neighbour = the(there).run(["ip", "-6", "neigh", "show", "2001:db8:9::2"]).stdout;
    expect(neighbour).toContain("lladdr");
    expect(isCutOff(the(there), "198.51.100.2")).toBe(true);
    expect(the(there).run(["ip", "neigh", "show", "198.51.100.2"]).stdout).toContain("lladdr");
  });

  describe("S4.13: what a user's program leaves to be sent", () => {
    const CLASS = 7;
    const withRule = (path: PathRef, rest: PathRef) => {
      const rule = (match: FlowMatch) => ({ origin: "rules/0 (them)", match, path });
      const users = [{ from: NOBODY, to: NOBODY }];
      const lost = path.kind === "direct" ? [] : [rule({ classes: { in: [ORPHANED] } })];
      const own = [rule({ classes: { in: [CLASS] } }), rule({ uids: users, classes: { in: [UNCLASSIFIED] } })];
      return policyOf({ flows: { rules: [...lost, ...own], default: rest } });
    };
    const loading = (policy: FirewallPolicy) => ({ argv: [process.execPath, LOAD_POLICY], input: { runDir, policy } });
    /** `next` is loaded once the connection stands, `after` when its program has closed it. */
    const write = (mark: number, next: FirewallPolicy | null, ...after: readonly FirewallPolicy[]) => {
      const load = next === null ? null : loading(next);
      const job = {
        there: the(there).name,
        address: "198.51.100.1",
        uid: NOBODY,
        mark,
        load,
        after: after.map(loading),
      };
      return JSON.parse(the(here).run(["python3", ORPHAN], { input: JSON.stringify(job) }).stdout);
    };

    beforeEach(() => {
      the(here).run(["ip", "rule", "add", "pref", "90", "uidrange", `${NOBODY}-${NOBODY}`, "lookup", "main"]);
    });

    test("arrives whole by the class of its socket, and takes no path that the user has not", () => {
      load(withRule(DIRECT, OFFICE));
      expect(write(markOfClass(CLASS), null)).toMatchObject({ got: 150_000, end: true });
      load(policyOf({ flows: { rules: [], default: DIRECT } }));
      expect(write(markOfClass(CLASS), withRule(BLOCK, DIRECT))).toMatchObject({ got: 0, end: false });
    });

    test("without a class it stays here, once its program has ended", () => {
      load(policyOf({ flows: { rules: [], default: DIRECT } }));
      expect(write(0, withRule(OFFICE, DIRECT))).toMatchObject({ got: 0, end: false });
    });

    test("stays here from the moment on that its user's rule refuses it", () => {
      const [before, next] = [withRule(DIRECT, OFFICE), withRule(BLOCK, OFFICE)];
      load(before);
      const changing = between(before, next) as FirewallPolicy;
      expect(write(markOfClass(CLASS), null, changing, next)).toMatchObject({ end: false, after: 0 });
    });

    test.skipIf(!existsSync("/proc/sys/net/mptcp/enabled"))(
      "the kernel opens no subflow beside the tunnel of a user's connection",
      () => {
        for (const space of [here, there]) {
          the(space).run(["sysctl", "-qw", "net.mptcp.enabled=1"]);
          the(space).run(["ip", "mptcp", "limits", "set", "subflow", "2"]);
        }
        the(here).run(["ip", "mptcp", "endpoint", "add", "198.51.100.2", "dev", "eth0", "subflow"]);
        the(here).run(["ip", "rule", "del", "pref", "90"]);
        load(withRule(OFFICE, DIRECT));
        const seen = ["nft", "-j", "list", "chain", "inet", "awg", "refused"];
        const job = { there: the(there).name, address: REMOTE, uid: NOBODY, seen, from: "198.51.100.2" };
        const { stdout } = the(here).run(["python3", SUBFLOW], { input: JSON.stringify(job) });
        expect(JSON.parse(stdout)).toEqual({ met: false, refused: true });
      },
    );
  });

  test("S4.3: DNS goes to the declared server by the tunnel, to no other on any path", () => {
    const dns = { leakProtection: true, servers: [REMOTE], path: OFFICE, blockEncrypted: true };
    load(policyOf({ allowLan: true, dns }));
    const ask = (server: string) => {
      const question = `
import socket
s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
s.sendto(b"?", ("${server}", 53))`;
      return the(here).run(["python3", "-c", question], { mayFail: true }).stderr.trim().split("\n").at(-1);
    };
    expect(ask(REMOTE)).toBe("");
    expect(ask("203.0.113.10")).toMatch(/^PermissionError/);
    expect(ask("198.51.100.1")).toMatch(/^PermissionError/);
  });
});
