import { afterAll, beforeAll, describe, expect, test } from "vitest";
import type { VerifyFinding } from "../../../src/verify/finding.ts";
import { makeTwoEnds, type TwoEnds } from "../../host/linux/nft/two-ends.ts";
import { LAPTOP } from "../../model/firewall/policies.ts";
import { temporaryFolder } from "../../support/folder.ts";
import { commandObstacle, namespaceObstacle } from "../../support/netns.ts";

const obstacle = namespaceObstacle() ?? commandObstacle("ip", "python3", "nft", "iptables-nft");

const EGRESS = (priority: number) => `type filter hook egress device "eth0" priority ${priority};`;
/** Chains of another program by name, and where the kernel asks them. */
const CHAINS = {
  "inet first": "type filter hook output priority -300;",
  "inet steered": "type filter hook output priority 10;",
  "inet arriving": "type filter hook prerouting priority -300;",
  "inet inside": "type filter hook input priority 10;",
  "inet last": "type filter hook postrouting priority 300;",
  "inet called": "",
  "netdev before": EGRESS(-10),
  "netdev behind": EGRESS(10),
  "netdev beside": EGRESS(0),
} as const;

/** What each rule writes, and whether awg judges it as it then is, or notes that it does not. */
const WRITES: readonly (readonly [keyof typeof CHAINS, rule: string, judged: "noted" | "judged", what?: string])[] = [
  ["netdev behind", "udp dport 7005 udp dport set 53", "noted", "the destination port"],
  ["netdev behind", "ip saddr 198.51.100.2 ip saddr set 10.8.0.2", "noted", "the source"],
  ["netdev behind", "ip6 daddr set 2001:db8::1", "noted", "the destination"],
  ["netdev behind", "@th,0,32 set 3276853", "noted", "the source port (or ICMP's type), the destination port"],
  ["netdev behind", "ip frag-off set 0", "noted", "the place of a fragment"],
  ["netdev behind", "ether type set 0x88b5", "noted", "the Ethernet type"],
  ["netdev beside", "tcp sport set 1", "noted", "the source port"],
  ["netdev before", "tcp sport set 2", "noted", "the source port"],
  ["inet last", "udp dport 7006 udp dport set 53", "noted", "the destination port"],
  ["inet last", 'oifname "eth0" udp dport 7007 udp dport set 53', "noted", "the destination port"],
  ["inet last", 'oifname "lo" udp dport 7007 udp dport set 53', "noted", "the destination port"],
  ["inet called", "tcp dport set 25", "noted", "the destination port"],
  ["inet inside", "tcp dport 8022 tcp dport set 22", "noted", "the destination port"],
  ["inet arriving", "tcp dport 8022 tcp dport set 22", "judged"],
  ["inet first", "ip daddr 192.0.2.77 ip daddr set 192.0.2.78", "judged"],
  ["inet steered", "ip daddr 192.0.2.77 ip daddr set 192.0.2.78", "noted", "the destination"],
  // What no policy asks for.
  ["netdev behind", "ip dscp set cs1", "judged"],
  ["netdev behind", "ip6 dscp set ef accept", "judged"],
  ["netdev behind", "ip ttl set 64", "judged"],
  ["netdev behind", "ip6 hoplimit set 64", "judged"],
  ["netdev behind", "ip ecn set ce", "judged"],
  ["netdev behind", "udp checksum set 0", "judged"],
  ["netdev behind", "ether daddr set 02:00:00:00:00:01", "judged"],
  ["netdev behind", "meta mark set 7 meta priority set 1:2", "judged"],
  ["inet last", "tcp flags syn tcp option maxseg size set rt mtu accept", "judged"],
  ["inet last", "ip frag-off set 0", "judged"],
];

interface Found {
  readonly findings: readonly VerifyFinding[];
  readonly notes: readonly string[];
}

describe.skipIf(obstacle !== undefined)(
  `awg verify beside rules that write into packets${obstacle === undefined ? "" : ` (${obstacle})`}`,
  () => {
    let ends: TwoEnds;
    let runDir: string;

    beforeAll(() => {
      runDir = temporaryFolder("writes");
      ends = makeTwoEnds();
      const loaded = ends.here.runScript("test/host/linux/nft/load-policy.script.ts", { runDir, policy: LAPTOP });
      expect(loaded).toMatchObject({ damage: [] });
    });

    afterAll(() => {
      ends?.[Symbol.dispose]();
    });

    const verify = () => ends.here.runScript("test/verify/nft/verify-here.script.ts", LAPTOP) as Found;
    const load = (lines: readonly string[]) => ends.here.run(["nft", "-f", "-"], { input: `${lines.join("\n")}\n` });

    test("law 1: notes each write that awg does not judge", () => {
      const theirs = (name: string) => name.replace(" ", " theirs ");
      load([
        "add table inet theirs",
        "add table netdev theirs",
        ...Object.entries(CHAINS).map(
          ([name, base]) => `add chain ${theirs(name)} ${base === "" ? "" : `{ ${base} }`}`,
        ),
        "add rule inet theirs last jump called",
        ...WRITES.map(([chain, rule], index) => `add rule ${theirs(chain)} ${rule} comment "write ${index}"`),
        'add rule inet awg leaving udp dport 7008 udp dport set 53 comment "write of ours"',
      ]);
      try {
        const { notes } = verify();
        const isOf = (text: string, index: number) => new RegExp(`: write ${index}( #|$)`).test(text);
        const found = WRITES.map(([chain, rule, , what = ""], index) => {
          const mine = notes.filter((note) => note.includes("a rule writes") && isOf(note, index));
          for (const text of mine) expect(text, rule).toContain(what);
          return [chain, rule, mine.length > 0 ? "noted" : "judged"];
        });
        expect(found).toEqual(WRITES.map(([chain, rule, judged]) => [chain, rule, judged]));
        expect(notes.some((note) => note.includes("write of ours"))).toBe(true);
      } finally {
        load(["delete table inet theirs", "delete table netdev theirs"]);
        ends.here.runScript("test/host/linux/nft/load-policy.script.ts", { runDir, policy: LAPTOP });
      }
    });

    test.each([
      ["prerouting", "raw", "notrack", true],
      ["output", "raw", "udp dport 9 notrack", true],
      ["prerouting", "raw", 'iifname "eth0" ct zone set 7', true],
      ["prerouting", "raw", 'iifname "lo" notrack', false],
      ["output", "filter", "notrack", false],
      ["output", "raw", 'ct helper set "ftp"', false],
    ])("at %s, priority %s, %s: told is %s", (hook, priority, rule, isReported) => {
      const helper = 'add ct helper inet theirs ftp { type "ftp" protocol tcp; }';
      load([
        "add table inet theirs",
        ...(rule.includes("helper") ? [helper] : []),
        `add chain inet theirs raw { type filter hook ${hook} priority ${priority}; }`,
        `add rule inet theirs raw ${rule}`,
      ]);
      try {
        const { findings, notes } = verify();
        expect(findings).toEqual([]);
        expect(notes.filter((note) => note.includes("connection tracking"))).toHaveLength(isReported ? 1 : 0);
      } finally {
        load(["delete table inet theirs"]);
      }
    });

    test("is as content as before with what everyday programs load", () => {
      const rules = (table: string, lines: readonly string[]) => lines.map((line) => `add rule ${table} ${line}`);
      load([
        // firewalld
        "add table inet firewalld",
        "add chain inet firewalld mangle_PREROUTING { type filter hook prerouting priority mangle + 10; }",
        "add chain inet firewalld nat_POSTROUTING { type nat hook postrouting priority srcnat + 10; }",
        "add chain inet firewalld filter_OUTPUT { type filter hook output priority filter + 10; }",
        ...rules("inet firewalld", [
          "filter_OUTPUT ct state { established, related } accept",
          'filter_OUTPUT oifname "lo" accept',
          "mangle_PREROUTING ct mark set 1",
          'nat_POSTROUTING oifname "eth0" masquerade',
        ]),
        // fail2ban with nobody banned: whom it bans may be granted something, which is a lock-out
        "add table inet f2b-table",
        "add set inet f2b-table addr-set-sshd { type ipv4_addr; }",
        "add chain inet f2b-table f2b-chain { type filter hook input priority -1; }",
        "add rule inet f2b-table f2b-chain tcp dport 22 ip saddr @addr-set-sshd reject",
        // A router's
        "add table inet fw4",
        "add chain inet fw4 mangle_forward { type filter hook forward priority mangle; }",
        "add chain inet fw4 mangle_postrouting { type filter hook postrouting priority 300; }",
        ...rules("inet fw4", [
          'mangle_forward oifname "eth0" tcp flags syn / syn,fin,rst tcp option maxseg size set rt mtu',
          "mangle_postrouting ip dscp set cs0",
          "mangle_postrouting ip6 dscp set cs0",
          "mangle_postrouting meta priority set 1:10",
          'mangle_postrouting oifname "eth0" ip ttl set 65',
        ]),
      ]);
      const iptables = (line: string) => ends.here.run(["iptables-nft", "-w", ...line.split(" ")]);
      for (const line of [
        // Docker
        "-t nat -N DOCKER",
        "-t nat -A OUTPUT ! -d 127.0.0.0/8 -j DOCKER",
        "-t nat -A POSTROUTING -s 172.17.0.0/16 ! -o docker0 -j MASQUERADE",
        "-t nat -A DOCKER -p tcp --dport 8080 -j DNAT --to-destination 172.17.0.2:80",
        // ufw, libvirt and what people add
        "-N ufw-before-output",
        "-A OUTPUT -j ufw-before-output",
        "-A ufw-before-output -m conntrack --ctstate RELATED,ESTABLISHED -j ACCEPT",
        "-t mangle -A POSTROUTING -p udp --dport 68 -j CHECKSUM --checksum-fill",
        "-t mangle -A FORWARD -p tcp --tcp-flags SYN,RST SYN -j TCPMSS --clamp-mss-to-pmtu",
        "-t mangle -A POSTROUTING -p tcp --dport 22 -j DSCP --set-dscp 8",
        "-t mangle -A POSTROUTING -j TTL --ttl-set 65",
        "-t raw -A OUTPUT -p udp --dport 9 -j CT --notrack",
      ])
        iptables(line);
      const { findings, notes } = verify();
      expect(findings).toEqual([]);
      expect(notes.filter((note) => /write/.test(note))).toEqual([]);
      expect(notes.filter((note) => note.includes("connection tracking"))).toEqual([
        expect.stringMatching(/: ip raw OUTPUT/),
      ]);
    });
  },
);
