import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import type { FirewallPolicy } from "../../../../../src/model/firewall/policy.ts";
import { OFFICE, policyOf } from "../../../../model/firewall/policies.ts";
import { commandObstacle, makeNamespace, namespaceObstacle, type TestNamespace } from "../../../../support/netns.ts";

const obstacle = namespaceObstacle() ?? commandObstacle("ip", "tc", "python3");
const LOAD = "test/host/linux/firewall/load-policy.script.ts";
const RING = fileURLToPath(new URL("./ring.py", import.meta.url));
const ORDINARY = fileURLToPath(new URL("./ordinary.py", import.meta.url));
const TIMES = 12;
/** The local network may be reached, but for its name servers. */
const POLICY = policyOf({
  allowLan: true,
  dns: { leakProtection: true, servers: ["10.8.0.1"], path: OFFICE, blockEncrypted: false },
});

type Found = Readonly<Record<string, { first: number; changed: number; plain: number }>>;

describe.skipIf(obstacle !== undefined)(
  `frames whose sender can still write into them${obstacle === undefined ? "" : ` (${obstacle})`}`,
  () => {
    let [here, far]: TestNamespace[] = [];
    let runDir: string;
    const the = (space: TestNamespace | undefined) => space as TestNamespace;

    beforeEach(() => {
      runDir = mkdtempSync(join(tmpdir(), "awg-ring-"));
      [here, far] = ["ring", "ring-far"].map(makeNamespace);
      the(here).run(["ip", "link", "add", "eth0", "type", "veth", "peer", "name", "peer0", "netns", the(far).name]);
      the(here).run(["ip", "link", "set", "eth0", "up"]);
      the(far).run(["ip", "link", "set", "peer0", "up"]);
    });

    afterEach(() => {
      for (const space of [here, far]) space?.[Symbol.dispose]();
      rmSync(runDir, { recursive: true, force: true });
    });

    const load = (policy: FirewallPolicy) =>
      expect(the(here).runScript(LOAD, { runDir, policy })).toMatchObject({ damage: [] });
    const attack = () => JSON.parse(the(here).run(["python3", RING, `/run/netns/${the(far).name}`]).stdout) as Found;
    const of = (found: Found, what: keyof Found[string]) =>
      Object.fromEntries(Object.entries(found).map(([name, counts]) => [name, counts[what]]));
    const everyOne = (found: Found, count: number) =>
      Object.fromEntries(Object.keys(found).map((name) => [name, count]));

    test("S9.6: what is judged is what leaves, though its sender writes into a mapped ring behind the hook (A18, A19)", () => {
      const busy = ["tbf", "rate", "200kbit", "burst", "500", "limit", "100000"];
      the(here).run(["tc", "qdisc", "add", "dev", "eth0", "root", ...busy]);
      const open = attack();
      // Whether the far end sees each one changed is a matter of time.
      for (const [name, { changed }] of Object.entries(open)) expect.soft(changed, name).toBeGreaterThan(0);
      expect(of(open, "plain")).toEqual(everyOne(open, TIMES));
      load(POLICY);
      const judged = attack();
      expect(of(judged, "first")).toEqual(everyOne(open, TIMES));
      expect(of(judged, "changed")).toEqual(everyOne(open, 0));
      expect(of(judged, "plain")).toEqual(everyOne(open, 0));
    });

    test.each([1500, 9000])("S9.6: what sockets send comes as it was sent, with frames of %i bytes", (mtu) => {
      const ends = [
        [the(here), "eth0", ["192.168.7.2/24", "fd77::2/64"]],
        [the(far), "peer0", ["192.168.7.9/24", "fd77::9/64"]],
      ] as const;
      for (const [space, device, addresses] of ends) {
        space.run(["ip", "link", "set", device, "mtu", `${mtu}`]);
        for (const one of addresses)
          space.run(["ip", "addr", "add", one, "dev", device, ...(one.includes(":") ? ["nodad"] : [])]);
      }
      load(POLICY);
      const { stdout } = the(here).run(["python3", ORDINARY, `/run/netns/${the(far).name}`], { timeoutMs: 100_000 });
      expect(JSON.parse(stdout)).toEqual({ wrong: [], badChecksums: 0 });
    });
  },
);
