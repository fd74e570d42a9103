import { afterAll, beforeAll, describe, expect, test } from "vitest";
import type { ShownPacket, VerifyFinding } from "../../../src/verify/finding.ts";
import { makeTwoEnds, type TwoEnds } from "../../host/linux/nft/two-ends.ts";
import { LAPTOP } from "../../model/firewall/policies.ts";
import { temporaryFolder } from "../../support/folder.ts";
import { commandObstacle, namespaceObstacle } from "../../support/netns.ts";
import { packetOfShown } from "./concrete-ways.ts";

const obstacle = namespaceObstacle() ?? commandObstacle("ip", "python3", "nft", "iptables-nft");

interface Found {
  readonly findings: readonly VerifyFinding[];
  readonly notes: readonly string[];
}

describe.skipIf(obstacle !== undefined)(
  `awg verify on a kernel${obstacle === undefined ? "" : ` (${obstacle})`}`,
  () => {
    let ends: TwoEnds;
    let runDir: string;

    beforeAll(() => {
      runDir = temporaryFolder("verify");
      ends = makeTwoEnds();
    });

    afterAll(() => {
      ends?.[Symbol.dispose]();
    });

    const verify = () => ends.here.runScript("test/verify/nft/verify-here.script.ts", LAPTOP) as Found;
    const nft = (...words: string[]) => ends.here.run(["nft", ...words]);

    /** Loads the laptop's policy afresh; nobody owns the tables afterwards, so that the test may edit them. */
    function load(): void {
      const request = { runDir, policy: LAPTOP };
      expect(ends.here.runScript("test/host/linux/nft/load-policy.script.ts", request)).toMatchObject({
        damage: [],
      });
    }

    function deleteRules(family: string, chain: string, comment: string): void {
      const { stdout } = nft("-j", "-a", "list", "chain", family, "awg", chain);
      const listed = JSON.parse(stdout) as { nftables: { rule?: { handle: number; comment?: string } }[] };
      const handles = listed.nftables.flatMap(({ rule }) =>
        rule?.comment?.startsWith(comment) === true ? [rule.handle] : [],
      );
      expect(handles.length).toBeGreaterThan(0);
      for (const handle of handles) nft("delete", "rule", family, "awg", chain, "handle", String(handle));
    }

    /** Packets of leaks that a program can send by itself. */
    function sendable(findings: readonly VerifyFinding[]): ShownPacket[] {
      return findings
        .filter(({ kind }) => kind === "leak")
        .flatMap(({ packet }) => packet ?? [])
        .filter(
          // No neighbour here has a link-local or a private address: every route has a gateway.
          ({ hook, protocol, fragment, tracking, outDevice, uid, mark, destination }) =>
            hook === "output" &&
            !/^(fe80:|f[cd]|10\.|172\.|192\.168\.)/.test(destination) &&
            (protocol === 6 || protocol === 17) &&
            fragment === "whole" &&
            tracking === "new" &&
            outDevice === "eth0" &&
            uid !== undefined &&
            mark === 0,
        );
    }

    function expectToLeave(packets: readonly ShownPacket[]): void {
      expect(packets.length).toBeGreaterThan(0);
      const numbered = packets.slice(0, 6).map((packet, id) => [id, packetOfShown(packet)] as const);
      const arrived = new Set<number>();
      // A busy machine may lose a packet.
      for (let attempt = 0; attempt < 3 && arrived.size < numbered.length; attempt += 1) {
        for (const id of ends.exchange(numbered.filter(([id]) => !arrived.has(id))).out["eth0"] ?? []) arrived.add(id);
      }
      expect([...arrived].toSorted((a, b) => a - b)).toEqual(numbered.map(([id]) => id));
    }

    test("law 1: finds nothing in what awg loaded", () => {
      load();
      expect(verify()).toMatchObject({ findings: [], notes: [] });
    });

    test("finds a foreign rule, and its packet really leaves", () => {
      load();
      nft("insert", "rule", "inet", "awg", "leaving", "oifname", "eth0", "tcp", "dport", "8443", "accept");
      const weak = verify().findings.filter(({ kind }) => kind === "weakness");
      expect(weak.map(({ packet }) => packet?.destinationPort)).toContain(8443);
      nft("insert", "rule", "netdev", "awg", "frames", "tcp", "dport", "8443", "accept");
      const { findings } = verify();
      const packets = sendable(findings);
      expect(new Set(packets.map(({ destinationPort }) => destinationPort))).toEqual(new Set([8443]));
      expectToLeave(packets);
    });

    test("finds that a rule is gone, and its packet really leaves", () => {
      load();
      deleteRules("inet", "steer", "S4.3");
      deleteRules("inet", "paths", "S4.3");
      deleteRules("netdev", "out", "S4.3");
      const packets = sendable(verify().findings);
      expect(packets.some(({ destinationPort }) => destinationPort === 53)).toBe(true);
      expectToLeave(packets);
    });

    test("finds that the egress table is gone", () => {
      load();
      nft("delete", "table", "netdev", "awg");
      const { findings } = verify();
      expect(findings.some(({ kind, packet }) => kind === "leak" && packet?.hook === "frame")).toBe(true);
    });

    test("reads other people's tables: their drop is a lock-out, what awg cannot read of theirs a note", () => {
      load();
      nft("add", "table", "inet", "theirs");
      nft("add chain inet theirs out { type filter hook postrouting priority 0; policy accept; }");
      nft("add rule inet theirs out oifname eth0 udp dport 51820 drop");
      nft("add rule inet theirs out meta cpu 77 drop");
      try {
        const { findings, notes } = verify();
        expect([...new Set(findings.map(({ kind }) => kind))]).toEqual(["lock-out"]);
        expect(JSON.stringify(findings)).toContain("inet theirs out");
        expect(notes.join("\n")).toContain("meta cpu");
      } finally {
        nft("delete", "table", "inet", "theirs");
      }
    });

    // As scripts for several uplinks do it: what the connection bears becomes the mark of the packet, our engine's too.
    test.each([
      ["-j CONNMARK --restore-mark", true],
      ["-j CONNMARK --restore-mark --nfmask 0xff000000 --ctmask 0xff000000", true],
      ["-j CONNMARK --restore-mark --nfmask 0x00003f00 --ctmask 0x00003f00", false],
      ["-j CONNMARK --save-mark", false],
    ])("iptables %s: marks of ours are in doubt: %s", (rule, isReported) => {
      load();
      ends.here.run(["iptables-nft", "-w", "-t", "mangle", "-A", "OUTPUT", ...rule.split(" ")]);
      try {
        const { findings, notes } = verify();
        expect(findings).toEqual([]);
        expect(notes.filter((note) => /another mark.*ip mangle OUTPUT/.test(note))).toHaveLength(isReported ? 1 : 0);
      } finally {
        nft("delete", "table", "ip", "mangle");
      }
    });
  },
);
