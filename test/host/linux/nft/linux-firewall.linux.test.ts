import { readdirSync, readFileSync, rmSync, statSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import type { LoadedMark } from "../../../../src/host/linux/nft/load/policy-record.ts";
import { renderBootTable } from "../../../../src/host/linux/nft/render/boot-table.ts";
import { renderNft } from "../../../../src/host/linux/nft/render/render-nft.ts";
import type { FirewallObserved, FirewallPolicy } from "../../../../src/model/firewall/policy.ts";
import { between, blockedPolicy } from "../../../../src/model/firewall/transition.ts";
import { ENGINE_MARK } from "../../../../src/model/ownership.ts";
import { BLOCK, DIRECT, LAPTOP, layerOf, OFFICE, policyOf, SERVICE_UID } from "../../../model/firewall/policies.ts";
import { temporaryFolder } from "../../../support/folder.ts";
import { commandObstacle, makeNamespace, namespaceObstacle, type TestNamespace } from "../../../support/netns.ts";

const obstacle = namespaceObstacle() ?? commandObstacle("ip", "nft", "python3");
const SCRIPT = "test/host/linux/nft/load-policy.script.ts";
const SCRIPT_PATH = fileURLToPath(new URL("./load-policy.script.ts", import.meta.url));
const INCLUSIVE = policyOf({ flows: { rules: [], default: DIRECT } });
const POLICIES: readonly FirewallPolicy[] = [
  LAPTOP,
  INCLUSIVE,
  blockedPolicy(),
  policyOf({ killSwitch: false }),
  between(LAPTOP, INCLUSIVE) as FirewallPolicy,
  {
    steering: { rules: [], default: OFFICE },
    layers: [layerOf({}), layerOf({ killSwitch: false }), layerOf({ tunnels: [] })],
  },
];

const BRIDGED = fileURLToPath(new URL("./programs/bridged.py", import.meta.url));

/** A list of tables, with those of a policy. */
const LOADED = expect.stringContaining("table inet awg");

type Answer = FirewallObserved & {
  readonly statuses: readonly (number | null)[];
  readonly found: readonly string[];
  readonly error?: string;
  readonly readMeanwhile?: FirewallObserved;
};

describe.skipIf(obstacle !== undefined)(
  `the firewall of Linux${obstacle === undefined ? "" : ` (${obstacle})`}`,
  () => {
    let space: TestNamespace;
    let runDir: string;

    beforeEach(() => {
      runDir = temporaryFolder("firewall");
      space = makeNamespace("fw");
      space.run(["ip", "link", "add", "eth0", "type", "veth", "peer", "name", "peer0"]);
    });

    afterEach(() => {
      space[Symbol.dispose]();
    });

    const read = () => space.runScript(SCRIPT, { runDir }) as Answer;
    const load = (policy: FirewallPolicy | null, commands: readonly string[][] = []) =>
      space.runScript(SCRIPT, { runDir, policy, commands }) as Answer;
    const records = () =>
      readdirSync(runDir, { recursive: true })
        .map(String)
        .filter((name) => name.endsWith(".json"));
    const forgetLoad = () => {
      for (const name of records().filter((one) => one.includes("loaded"))) rmSync(join(runDir, name));
    };
    const nft = (...words: string[]) => space.run(["nft", ...words]);

    test("reads nothing where nothing is", () => {
      expect(read()).toMatchObject({ policy: null, damage: [], held: false, droppedPackets: 0 });
    });

    test.each(POLICIES.map((policy, index) => [index, policy] as const))(
      "holds exactly what was loaded (policy %i)",
      (_index, policy) => {
        expect(load(policy)).toMatchObject({ policy, damage: [], held: true });
        forgetLoad();
        expect(read()).toMatchObject({ policy, damage: [], held: false });
        const [inet] = renderNft(policy, { devices: ["eth0"], identity: "", ownedTables: true });
        const { nftables } = JSON.parse(nft("-j", "list", "table", "inet", "awg").stdout) as { nftables: object[] };
        const count = (kind: string) => nftables.filter((one) => kind in one).length;
        expect([count("chain"), count("set"), count("rule")]).toEqual([
          inet?.chains.length,
          inet?.sets.length,
          inet?.rules.length,
        ]);
      },
    );

    test("S12.12: what was flushed, before or while an owner starts, is loaded again until it holds it; the first load waits", () => {
      const flush = ["nft", "flush", "ruleset"];
      const request = { runDir, policy: LAPTOP, isOwnerLate: true };
      expect(space.runScript(SCRIPT, request)).toMatchObject({ policy: LAPTOP, held: true, found: ["", LOADED] });
      for (const commands of [[], [flush]]) {
        space.run(flush);
        expect(nft("list", "tables").stdout).toBe("");
        const { found, ...after } = space.runScript(SCRIPT, { ...request, commands }) as Answer;
        expect(found).toEqual([LOADED, LOADED]);
        expect(after).toMatchObject({ policy: LAPTOP, damage: [], held: true });
      }
    });

    test("a load is tried again if a device is gone for a moment", () => {
      const loaded = space.runScript(SCRIPT, { runDir, policy: LAPTOP, flickering: "eth0" });
      // What the first try had prepared was taken back.
      const found = ["", LOADED, LOADED, "", LOADED];
      expect(loaded).toMatchObject({ policy: LAPTOP, damage: [], found });
    });

    test("law 1: while its owner lives no process can flush, delete or change it (A12)", () => {
      const attacks = [
        ["nft", "flush", "ruleset"],
        ["nft", "delete", "table", "inet", "awg"],
        ["nft", "add", "rule", "inet", "awg", "out", "accept"],
        ["nft", "flush", "chain", "netdev", "awg", "frames"],
      ];
      const { statuses, ...after } = load(LAPTOP, attacks);
      expect(after).toMatchObject({ policy: LAPTOP, damage: [], held: true });
      expect(statuses.slice(1)).not.toContain(0);
    });

    test("a dead owner leaves the tables standing, and the next load takes them over", () => {
      load(LAPTOP);
      expect(read()).toMatchObject({ policy: LAPTOP, held: false, damage: [] });
      expect(load(LAPTOP)).toMatchObject({ held: true, damage: [] });
    });

    test("a load that was killed between its transactions changed no rule; the next one clears what it left", () => {
      const killed = { runDir, policy: INCLUSIVE, killedAfter: 1 };
      space.runScript(SCRIPT, killed, { mayFail: true });
      expect(read()).toMatchObject({ policy: null, damage: [expect.stringMatching(/is not known/)] });
      load(LAPTOP);
      const before = nft("list", "chains").stdout;
      space.runScript(SCRIPT, killed, { mayFail: true });
      expect(nft("list", "chains").stdout).toBe(before);
      const left = "an interrupted load left sets that no rule uses in the nf_tables table inet awg: ";
      expect(read()).toMatchObject({ policy: LAPTOP, damage: [expect.stringContaining(left), expect.anything()] });
      expect(load(LAPTOP)).toMatchObject({ policy: LAPTOP, damage: [], held: true });
    });

    test("a load between its two transactions is no damage", () => {
      for (const policy of [LAPTOP, INCLUSIVE]) {
        const { readMeanwhile } = space.runScript(SCRIPT, { runDir, policy, isRead: true }) as Answer;
        expect(readMeanwhile).toMatchObject({ policy, damage: [] });
      }
    });

    test("law 6: replaces what is left of a table with awg's mark, and refuses to touch one without", () => {
      nft("add", "table", "inet", "awg", '{ comment "made by awg" ; }');
      expect(read()).toMatchObject({ policy: null, held: false, damage: [expect.stringMatching(/is not known/)] });
      expect(load(LAPTOP)).toMatchObject({ policy: LAPTOP, damage: [], held: true });
      load(null);
      nft("add", "table", "inet", "awg");
      expect(read()).toMatchObject({ policy: null, damage: [], foreignTables: ["inet awg"] });
      expect(load(LAPTOP)).toMatchObject({
        error: expect.stringContaining("the nf_tables table inet awg belongs to another program"),
      });
      expect(load(null)).toMatchObject({ foreignTables: ["inet awg"] });
    });

    test("serves a kernel without owned tables and without the egress hook", () => {
      const bare = { egressHook: false, ownedTables: false };
      for (const policy of [LAPTOP, INCLUSIVE]) {
        const loaded = space.runScript(SCRIPT, { runDir, policy, capabilities: bare });
        expect(loaded).toMatchObject({ policy, damage: [], held: false });
      }
      expect(nft("list", "tables").stdout.trim()).toBe("table inet awg");
      expect(space.runScript(SCRIPT, { runDir, policy: null, capabilities: bare })).toMatchObject({ policy: null });
    });

    test("D1: a rule's name cannot break out of what nft prints", () => {
      const origin = `rules/0 (x" drop; flush ruleset # \n\u2028 ${"long ".repeat(80)})`;
      const rule = { origin, match: { ports: [{ from: 1, to: 2 }] }, path: DIRECT };
      const policy = policyOf({ flows: { rules: [rule], default: OFFICE } });
      expect(load(policy)).toMatchObject({ policy, damage: [] });
      forgetLoad();
      expect(read().damage).toEqual([]);
      const listing = nft("list", "table", "inet", "awg").stdout;
      const comments = listing.split("\n").filter((line) => line.includes("flush ruleset"));
      expect(comments.length).toBeGreaterThan(0);
      for (const line of comments) expect(line.match(/"/g)?.length).toBe(2);
    });

    test.each<[string, string[], RegExp]>([
      ["a rule was added", ["add", "rule", "inet", "awg", "out", "accept"], /the chain out .* was changed/],
      ["a chain was emptied", ["flush", "chain", "inet", "awg", "leaving"], /the chain leaving .* was changed/],
      [
        "a chain's policy was changed",
        ["chain", "inet", "awg", "leaving", "{ policy accept; }"],
        /the chain leaving .* was changed/,
      ],
      ["a chain was added", ["add", "chain", "inet", "awg", "mine"], /another program added the chain mine/],
      [
        "an address was added",
        ["add", "element", "inet", "awg", "private-v4", "{ 8.8.0.0/16 }"],
        /the set private-v4 .* was changed/,
      ],
      [
        "an uplink was added",
        ["add", "element", "inet", "awg", "uplinks", "{ peer0 }"],
        /the set uplinks .* was changed/,
      ],
      [
        "rules with sets, chains and maps of their own were added",
        [
          `add chain inet awg mine; add chain inet awg hooked { type filter hook output priority 5; }
          add map inet awg jumps { type inet_service : verdict; elements = { 22 : jump mine }; }
          add rule inet awg hooked tcp dport { 22, 80 } accept; insert rule inet awg out udp dport { 1-9, 53 } accept
          insert rule inet awg out tcp dport vmap @jumps; insert rule inet awg out jump { ip daddr 192.0.2.1 accept; }`,
        ],
        /another program added the set jumps/,
      ],
      ["a table is gone", ["delete", "table", "netdev", "awg"], /the device eth0 are not judged/],
      ["the identity is gone", ["delete", "chain", "inet", "awg", "identity"], /is not known/],
    ])("tells the damage when %s", (_name, command, expected) => {
      load(LAPTOP);
      nft(...command);
      const { damage } = read();
      expect(damage.join("\n")).toMatch(expected);
      expect(load(LAPTOP)).toMatchObject({ policy: LAPTOP, damage: [], held: true });
    });

    test("other people's changes elsewhere are no damage", () => {
      load(LAPTOP);
      nft("add", "table", "inet", "theirs");
      expect(read()).toMatchObject({ policy: LAPTOP, damage: [] });
    });

    test("trusts what is untouched as this version loaded it, and looks at what an earlier one loaded", () => {
      load(LAPTOP);
      const file = join(runDir, records().find((name) => name.includes("loaded")) ?? "");
      const { rendering, ...mark } = JSON.parse(readFileSync(file, "utf8")) as LoadedMark;
      nft("flush", "chain", "inet", "awg", "unmarked");
      expect(read().damage.join()).toMatch(/unmarked/);
      expect(read().damage.join()).not.toMatch(/another version/);
      const untouched = { ...mark, generation: mark.generation + 1 };
      writeFileSync(file, JSON.stringify({ ...untouched, rendering }));
      expect(read()).toMatchObject({ policy: LAPTOP, damage: [] });
      for (const earlier of [{}, { rendering: (rendering ?? 0) - 1 }]) {
        writeFileSync(file, JSON.stringify({ ...untouched, ...earlier }));
        const [first, ...more] = read().damage;
        expect(first).toBe("another version of awg loaded the rules, and this one renders the policy differently");
        expect(more.join()).toMatch(/unmarked/);
      }
      expect(load(LAPTOP)).toMatchObject({ policy: LAPTOP, damage: [], held: true });
      expect(JSON.parse(readFileSync(file, "utf8"))).toMatchObject({ rendering });
    });

    test("reports a device that came later, and a policy with a lost or forged record", () => {
      load(LAPTOP);
      space.run(["ip", "link", "add", "eth1", "type", "veth", "peer", "name", "peer1"]);
      expect(read().damage).toContain("frames that leave by the device eth1 are not judged yet");
      const record = records().find((name) => name.includes("policy-")) ?? "";
      expect(statSync(join(runDir, record)).mode & 0o777).toBe(0o600);
      writeFileSync(join(runDir, record), JSON.stringify(INCLUSIVE));
      expect(read()).toMatchObject({ policy: null, damage: [expect.stringMatching(/is not known/)] });
    });

    test("S9.4: where a container's own uplink is a port of a bridge, what is bridged to it is judged, and so is root's", () => {
      using far = makeNamespace("fw-far");
      const ip = (place: TestNamespace, ...lines: string[]) =>
        place.run(["ip", "-batch", "-"], { input: lines.join("\n") });
      space.run(["sysctl", "-qw", "net.bridge.bridge-nf-call-iptables=0"], { mayFail: true });
      ip(
        space,
        `link set peer0 netns ${far.name}`,
        `link add guest0 type veth peer name guest netns ${far.name}`,
        "link add br0 type bridge forward_delay 0 mcast_snooping 0",
        "link set eth0 master br0 up",
        "link set guest0 master br0 up",
        "link set br0 up",
        "address add 192.168.50.2/24 dev br0",
        "neighbour add 192.168.50.1 lladdr 02:00:00:00:00:09 dev br0 nud permanent",
        "route add default via 192.168.50.1",
        "link add docker0 type bridge",
        "link add vethab master docker0 type veth peer name vethba",
      );
      ip(far, "link set peer0 up", "link set guest up");
      const argv = ["python3", BRIDGED, `/run/netns/${far.name}`, `${SERVICE_UID}`, `${ENGINE_MARK}`];
      const bridged = () => JSON.parse(space.run(argv).stdout) as string[];
      const everything = ["GUEST-PACKET", "GUEST-ARP", "ROOT-PACKET", "ROOT-ARP", "ENGINE", "USER-PACKET"];
      expect(bridged()).toEqual([...everything, "FORGED-PACKET"]);
      expect(load(LAPTOP)).toMatchObject({ damage: [], guestBridges: ["docker0"] });
      expect(bridged()).toEqual(["GUEST-ARP", "ROOT-ARP", "ENGINE"]);
      const users = { origin: "rules/0 (them)", match: { uids: [{ from: 1500, to: 1500 }] }, path: DIRECT };
      load(policyOf({ flows: { rules: [users], default: OFFICE } }));
      expect(bridged()).toEqual(["GUEST-ARP", "ROOT-ARP", "ENGINE", "USER-PACKET"]);
    });

    test("law 6: removal takes our tables and nothing else; the boot unit's table goes with the first load", () => {
      nft("add", "table", "inet", "theirs");
      const before = nft("list", "ruleset").stdout;
      nft(renderBootTable());
      load(LAPTOP);
      expect(nft("list", "tables").stdout).not.toContain("awg_boot");
      expect(load(null)).toMatchObject({ policy: null, damage: [], held: false });
      expect(nft("list", "ruleset").stdout).toBe(before);
      expect(records()).toEqual([]);
      expect(load(null)).toMatchObject({ policy: null });
    });

    test("law 5: a load that the kernel refuses changes nothing", () => {
      const other = { runDir: join(runDir, "other"), policy: LAPTOP };
      const [input, output] = [join(runDir, "request"), join(runDir, "answer")];
      writeFileSync(input, JSON.stringify(other));
      const second = `"${process.execPath}" "${SCRIPT_PATH}" < ${input} > ${output}`;
      const first = load(INCLUSIVE, [["sh", "-c", second]]);
      expect(first).toMatchObject({ statuses: [0], policy: INCLUSIVE, damage: [], held: true });
      expect((JSON.parse(readFileSync(output, "utf8")) as Answer).error).toMatch(
        /^making the table nf_tables inet awg/,
      );
    });

    test("holds 10,000 prefixes", () => {
      const destinations = Array.from({ length: 10_000 }, (_, index) => `${20 + (index >> 8)}.${index & 255}.7.0/24`);
      const rule = { origin: "rules/0 (list)", match: { destinations }, path: DIRECT };
      const policy = policyOf({ flows: { rules: [rule], default: OFFICE } });
      expect(load(policy)).toMatchObject({ damage: [], held: true });
      forgetLoad();
      expect(read().damage).toEqual([]);
      nft("delete", "element", "inet", "awg", "rules-0-v4", "{ 30.7.7.0/24 }");
      expect(read().damage).toEqual(["the set rules-0-v4 of the nf_tables table inet awg was changed"]);
    });

    test("counts what it drops", () => {
      load(blockedPolicy());
      space.run(["ip", "link", "set", "eth0", "up"]);
      space.run(["ip", "link", "set", "peer0", "up"]);
      space.run(["ip", "addr", "add", "192.0.2.2/24", "dev", "eth0"]);
      const send =
        "import socket; s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM); s.sendto(b'x', ('192.0.2.9', 9))";
      expect(space.run(["python3", "-c", send], { mayFail: true }).stderr).toContain("PermissionError");
      expect(read().droppedPackets).toBeGreaterThan(0);
    });

    test("counts what each blocking rule drops", () => {
      const toPort = (origin: string, port: number) => ({
        origin,
        match: { protocol: 17, ports: [{ from: port, to: port }] },
        path: BLOCK,
      });
      const rules = [toPort("rules/0 (other)", 8), toPort('rules/1 (pokój "9")', 9)];
      load(policyOf({ flows: { rules, default: DIRECT } }));
      for (const device of ["eth0", "peer0"]) space.run(["ip", "link", "set", device, "up"]);
      space.run(["ip", "addr", "add", "192.0.2.2/24", "dev", "eth0"]);
      const send = ["import socket", "s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)"];
      const tries = ["for _ in range(3):", " try: s.sendto(b'x', ('192.0.2.9', 9))", " except PermissionError: pass"];
      space.run(["python3", "-c", [...send, ...tries].join("\n")]);
      expect(read().droppedByRule).toEqual([
        { rule: "rules/0 (other)", packets: 0 },
        { rule: 'rules/1 (pokój "9")', packets: 3 },
      ]);
    });

    test.skipIf(commandObstacle("conntrack") !== undefined)(
      "S11: cuts the flows that the new policy forbids, and no others",
      () => {
        load(policyOf({ flows: { rules: [], default: DIRECT } }));
        space.run(["ip", "link", "set", "eth0", "up"]);
        space.run(["ip", "link", "set", "peer0", "up"]);
        space.run(["ip", "addr", "add", "192.168.7.2/24", "dev", "eth0"]);
        space.run(["ip", "route", "add", "default", "via", "192.168.7.1"]);
        const neighbours = ["192.168.7.1", "192.168.7.9"];
        for (const one of neighbours) {
          space.run(["ip", "neigh", "replace", one, "lladdr", "02:00:00:00:00:09", "dev", "eth0", "nud", "permanent"]);
        }
        const send = (to: string) =>
          `s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM); s.sendto(b'x', ('${to}', 4433))`;
        space.run(["python3", "-c", `import socket\n${send("203.0.113.9")}\n${send("192.168.7.9")}`]);
        const tracked = () => space.run(["conntrack", "-L", "-p", "udp"]).stdout;
        expect(tracked()).toContain("dst=203.0.113.9");
        expect(load(policyOf({ allowLan: true }))).toMatchObject({ damage: [] });
        expect(tracked()).not.toContain("dst=203.0.113.9");
        expect(tracked()).toContain("dst=192.168.7.9");
      },
    );

    test("renders a policy for a laptop (golden)", async ({ skip }) => {
      const version = /v([\d.]+)/.exec(nft("--version").stdout)?.[1];
      skip(version !== "1.0.6", `the golden was written by nft 1.0.6, this is ${version}`);
      load(LAPTOP);
      const listing = (family: string) => nft("list", "table", family, "awg").stdout;
      const text = `${listing("inet")}${listing("netdev")}${listing("arp")}`
        .replaceAll(/^\tflags.*\n/gm, "")
        .replaceAll(/counter packets \d+ bytes \d+/g, "counter")
        .replaceAll(/comment "[0-9a-f]{64}"/g, 'comment "<hash of the policy>"')
        .replaceAll(/device "\w+"|devices = \{[^}]*\}/g, "<devices>");
      await expect(text).toMatchFileSnapshot("./laptop.nft.txt");
    });
  },
);
