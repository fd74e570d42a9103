import { fileURLToPath } from "node:url";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import type { Packet } from "../../../../src/model/firewall/packet.ts";
import type { Verified } from "../../../../src/verify/finding.ts";
import { makeTwoEnds, type TwoEnds } from "../../../host/linux/nft/two-ends.ts";
import { OFFICE, policyOf } from "../../../model/firewall/policies.ts";
import { temporaryFolder } from "../../../support/folder.ts";
import { commandObstacle, namespaceObstacle } from "../../../support/netns.ts";

const obstacle = namespaceObstacle() ?? commandObstacle("ip", "tc", "python3");
const BPF = fileURLToPath(new URL("./bpf.py", import.meta.url));
const POLICY = policyOf({ flows: { rules: [], default: OFFICE } });

/** What leaves by the tunnel as it should. */
const BY_TUNNEL: Packet = {
  hook: "output",
  source: { family: 4, value: 0x0a08_0002n },
  destination: { family: 4, value: 0xcb00_7109n },
  protocol: 17,
  sourcePort: 40_000,
  destinationPort: 9_999,
  outDevice: "awg-office",
  uid: 2_000,
  mark: 0,
};

describe.skipIf(obstacle !== undefined)(
  `awg verify beside tc and BPF${obstacle === undefined ? "" : ` (${obstacle})`}`,
  () => {
    let ends: TwoEnds;
    let runDir: string;

    beforeEach(() => {
      runDir = temporaryFolder("detours");
      ends = makeTwoEnds({ hasGuest: true });
      ends.here.run(["ip", "link", "add", "shaped0", "type", "ifb"]);
      ends.here.run(["ip", "link", "set", "shaped0", "up"]);
      const request = { runDir, policy: POLICY };
      expect(ends.here.runScript("test/host/linux/nft/load-policy.script.ts", request)).toMatchObject({
        damage: [],
      });
      tc("qdisc add dev awg-office clsact");
    });

    afterEach(() => {
      ends?.[Symbol.dispose]();
    });

    const tc = (line: string, ...more: readonly string[]) => ends.here.run(["tc", ...line.split(" "), ...more]);
    const redirect = (line: string, what: string) =>
      tc(`filter add ${line} protocol ip u32 match u32 0 0 action mirred ${what}`);
    const bpf = (...words: readonly string[]) => ends.here.run(["python3", BPF, ...words]);
    const verify = (): readonly string[] => {
      const said = ends.here.runScript("test/verify/nft/verify-here.script.ts", POLICY) as Verified;
      expect(said.findings).toEqual([]);
      return said.notes.filter((note) => note.includes("S12.17"));
    };
    const noteOf = (places: string) =>
      `filters of tc or BPF programs at ${places} can send frames past awg's packet filter or write into them: not judged (S12.17)`;

    /** Whether the packet that belongs into the tunnel is on the wire of the physical device; a busy machine may lose one. */
    function leaks(): boolean {
      const attempts = [1, 2, 3].map((id) => [id, BY_TUNNEL] as const);
      return (ends.exchange(attempts).out["eth0"] ?? []).length > 0;
    }

    test("law 1: names each place where frames may be sent past the filter, and what is sent so does leave", () => {
      redirect("dev awg-office egress", "egress redirect dev eth0");
      expect(leaks()).toBe(true);
      for (const line of ["dev guest0 clsact", "dev lo clsact", "dev awg-proxy clsact"]) tc(`qdisc add ${line}`);
      // The kernel shows u32 filters of one priority at both ends of a device, so each has its own.
      redirect("dev guest0 ingress prio 1", "egress mirror dev eth0");
      redirect("dev guest0 ingress prio 2", "ingress redirect dev awg-office");
      redirect("dev guest0 egress prio 3", "ingress redirect dev lo");
      redirect("dev lo egress", "egress redirect dev eth0");
      // What a shared block holds is its devices'.
      tc("qdisc add dev eth0 ingress_block 7 clsact");
      redirect("block 7", "egress redirect dev guest0");
      // Behind a queue the hook of the other device is asked, where there is one.
      tc("qdisc add dev eth0 root handle 1: htb default 10");
      redirect("dev eth0 parent 1:", "egress redirect dev guest0");
      redirect("dev eth0 parent 1:", "egress redirect dev awg-office");
      bpf("cls", "awg-proxy");
      bpf("tcx", "guest0");
      bpf("xdp", "guest0");
      const [note = "", ...others] = verify();
      expect(others).toEqual([]);
      expect(note).toMatch(/^filters of tc or BPF programs at .* and \d more can send frames/);
    });

    test("law 1: finds a program that no filter of tc holds, and what it sends on does leave", () => {
      expect(leaks()).toBe(false);
      const [{ ifindex = 0 } = {}] = JSON.parse(ends.here.run(["ip", "-j", "link", "show", "eth0"]).stdout);
      bpf("tcx", "awg-office", String(ifindex));
      expect(leaks()).toBe(true);
      expect(verify()).toEqual([noteOf("awg-office (egress)")]);
    });

    test("says nothing of everyday shaping", () => {
      for (const line of ["dev shaped0 root handle 1: htb default 10", "dev eth0 root handle 1: htb default 10"]) {
        tc(`qdisc add ${line}`);
      }
      tc("class add dev eth0 parent 1: classid 1:10 htb rate 100mbit");
      tc("filter add dev eth0 parent 1: protocol ip u32 match ip dport 22 0xffff flowid 1:10");
      tc("filter add dev eth0 parent 1: protocol ip bpf flowid 1:10 bytecode", "1,6 0 0 0");
      expect(verify()).toEqual([]);
    });
  },
);
