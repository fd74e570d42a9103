import { describe, expect, test } from "vitest";
import { judgeAbilities } from "../../../src/app/doctor/abilities.ts";
import { judgeApplied } from "../../../src/app/doctor/applied.ts";
import { judgeEnvironment } from "../../../src/app/doctor/environment.ts";
import { type Finding, shellWord } from "../../../src/app/doctor/finding.ts";
import type { ResourceStatus } from "../../../src/app/status/status-report.ts";
import type { Environment } from "../../../src/host/ports/environment.ts";
import type { Capabilities } from "../../../src/host/ports/facts.ts";
import type { RuleEntry } from "../../../src/host/ports/routes.ts";
import { DISREGARDED } from "../../../src/model/firewall/canary.ts";
import type { DesiredState } from "../../../src/model/resources/desired-state.ts";
import { firewall, link, resolver, rules, state, tunnel } from "../../reconciler/scenarios.ts";

const ABLE: Capabilities = {
  tun: true,
  nftables: true,
  egressHook: true,
  ownedTables: true,
  kernelWireguard: false,
  userspaceWireguard: true,
  userspaceAmneziawg: true,
  resolved: false,
};
const QUIET: Environment = {
  nowMs: 2_000,
  rules: [],
  chains: [],
  nftProgram: true,
  ipv6Disabled: false,
  networkdRemovesRules: false,
  resolverManager: undefined,
  deadSockets: [],
  goneNamespaces: [],
};
const NOTHING: DesiredState = { resources: [] };
const APPLIED = state(link("office"), tunnel("office"), rules(0x6177_0001), firewall(), resolver("10.8.0.1"));

const BY_PROGRAM = state({
  kind: "classifier",
  key: "classifier/host",
  spec: { atoms: [], conditions: [], final: [], classes: [] },
});

const reported = (findings: readonly Finding[]): readonly string[] =>
  findings.map(({ id, severity }) => `${severity} ${id}`);

describe("what the machine can do", () => {
  test.each<[string, Partial<Capabilities>, DesiredState, readonly string[]]>([
    ["everything", {}, APPLIED, []],
    ["no TUN, nothing applied", { tun: false }, NOTHING, ["note tun-missing"]],
    ["no TUN under a tunnel", { tun: false }, APPLIED, ["fault tun-missing"]],
    ["no nf_tables", { nftables: false, ownedTables: false, egressHook: false }, NOTHING, ["fault nftables-missing"]],
    ["no nf_tables, on a Mac", { nftables: false, ownedTables: false, egressHook: false, pf: true }, APPLIED, []],
    ["no engine on a Mac", { nftables: false, pf: true, userspaceWireguard: false }, APPLIED, ["fault engine-missing"]],
    ["no engine for what is applied", { userspaceWireguard: false }, APPLIED, ["fault engine-missing"]],
    ["no engine for what nobody uses", { userspaceAmneziawg: false }, APPLIED, []],
    ["no owner of tables", { ownedTables: false }, APPLIED, ["note table-flags-missing"]],
    ["no classifier", { classifier: { ok: false, reason: "no BTF" } }, APPLIED, ["note classifier-missing"]],
    ["no classifier for a rule", { classifier: { ok: false, reason: "x" } }, BY_PROGRAM, ["fault classifier-missing"]],
    ["no egress hook", { egressHook: false }, APPLIED, ["note egress-hook-missing"]],
  ])("%s", (_what, lacking, applied, expected) => {
    expect(reported(judgeAbilities({ ...ABLE, ...lacking }, applied))).toEqual(expected);
  });
});

const rule = (preference: number, protocol = 3): RuleEntry => ({
  rule: { family: 4, preference, match: {}, table: 52 },
  protocol,
});
const kernelRule = (
  preference: number,
  table: number,
  family: 4 | 6 = 4,
  suppressPrefixLength?: number,
): RuleEntry => ({
  rule: {
    family,
    preference,
    match: {},
    table,
    ...(suppressPrefixLength === undefined ? {} : { suppressPrefixLength }),
  },
  protocol: 2,
});
const chain = (table: string, drops = true) => ({ family: "inet", table, name: "input", hook: "input", drops });

describe("what surrounds awg", () => {
  test.each<[string, Partial<Environment>, readonly string[]]>([
    ["nothing", {}, []],
    ["a clock before the last apply", { nowMs: 999 }, ["fault clock-behind"]],
    ["a foreign rule among ours", { rules: [rule(10_500)] }, ["fault rule-in-our-range"]],
    ["ours among ours", { rules: [rule(10_500, 174)] }, []],
    ["the kernel's own rules", { rules: [rule(0, 2), rule(32_766, 2), rule(32_767, 2)] }, []],
    ["a foreign rule before ours", { rules: [rule(5_270)] }, ["note rule-before-ours"]],
    ["no rule for the main table", { rules: [kernelRule(0, 255)] }, ["fault rule-main-missing"]],
    [
      "one that suppresses its default",
      { rules: [kernelRule(0, 255), { ...kernelRule(10, 254, 4, 0), protocol: 174 }] },
      ["fault rule-main-missing"],
    ],
    ["both rules of the kernel's", { rules: [kernelRule(0, 255), kernelRule(32_766, 254)] }, []],
    [
      "another firewall that drops",
      { chains: [chain("filter"), chain("awg"), chain("open", false)] },
      ["note chain-drops"],
    ],
    ["the boot unit's table", { chains: [chain("awg_boot")] }, ["fault boot-table-left"]],
    [
      "another owner of the tables",
      { tableOwner: { pid: 7, name: "node awg", remedy: "kill 7" } },
      ["fault tables-elsewhere"],
    ],
    ["no nft", { nftProgram: false }, ["note nft-program-missing"]],
    ["no service user", { serviceUserLack: "user" as const }, ["note service-user-missing"]],
    ["networkd that removes", { networkdRemovesRules: true }, ["fault networkd-removes-rules"]],
    ["a manager of resolv.conf", { resolverManager: "NetworkManager" }, ["note resolver-rewritten"]],
    ["another VPN", { otherTunnels: [{ device: "tun0", destinations: ["0.0.0.0/0"] }] }, ["note vpn-cut-off"]],
    ["a bridge that is filtered", { filteredBridges: ["br0"] }, ["fault bridge-filtered"]],
    ["a dead socket", { deadSockets: ["/var/run/wireguard/awg-a.sock"] }, ["note socket-left"]],
    [
      "processes in a deleted namespace",
      { stranded: [{ pid: 123, role: "keeper", namespace: "4026532177" }] },
      ["note processes-stranded"],
    ],
    ["state of gone namespaces", { goneNamespaces: ["/var/lib/awg/netns-1"] }, ["note namespace-state-left"]],
  ])("%s", (_what, around, expected) => {
    expect(reported(judgeEnvironment({ ...QUIET, ...around }, APPLIED, 1_000))).toEqual(expected);
  });

  test("IPv6 that is switched off is wrong only under an IPv6 address", () => {
    const six = state(link("office", { addresses: ["fd00::2/128"] }));
    expect(reported(judgeEnvironment({ ...QUIET, ipv6Disabled: true }, six, 1_000))).toEqual(["fault ipv6-disabled"]);
    const four = state(link("office", { addresses: ["10.8.0.2/32"] }));
    expect(judgeEnvironment({ ...QUIET, ipv6Disabled: true }, four, 1_000)).toEqual([]);
  });

  test.each([
    [120, "userspace", []],
    [121, "userspace", ["note inotify-room"]],
    [128, "userspace", ["fault inotify-room"]],
    [128, "embedded", []],
  ] as const)("%i inotify instances in use of 128, engine: %s", (used, engine, expected) => {
    const around = { ...QUIET, inotifyUsage: { uid: 0, limit: 128, used } };
    expect(reported(judgeEnvironment(around, state(tunnel("office", { engine })), 1_000))).toEqual(expected);
  });

  test("a rule for the main table that is gone is named with one command for each family", () => {
    const rules = [kernelRule(0, 255), kernelRule(0, 255, 6)];
    const [finding] = judgeEnvironment({ ...QUIET, rules }, APPLIED, 1_000);
    expect(finding?.remedy).toEqual(["ip -4 rule add pref 32766 lookup main", "ip -6 rule add pref 32766 lookup main"]);
  });

  test("a rule that the kernel put right before ours is reported with how to put it behind them", () => {
    const remedies = (preference: number) =>
      judgeEnvironment({ ...QUIET, rules: [rule(preference)] }, APPLIED, 1_000).flatMap(({ remedy }) => remedy);
    expect(remedies(10_099).join()).toContain("give ip rule add a preference");
    expect(remedies(5_270).join()).not.toContain("give ip rule add a preference");
  });

  test("where nothing is applied hardly anything of it is wrong", () => {
    const all = { ...QUIET, nowMs: 0, rules: [rule(10_500)], chains: [chain("awg_boot")], networkdRemovesRules: true };
    expect(reported(judgeEnvironment(all, NOTHING, undefined))).toEqual([
      "note rule-in-our-range",
      "note networkd-removes-rules",
    ]);
  });

  test("every remedy is a command or a clause on one line, and long lists are cut", () => {
    const rules = Array.from({ length: 100 }, (_, index) => rule(10_200 + index));
    const [finding] = judgeEnvironment({ ...QUIET, rules }, APPLIED, 1_000);
    expect([finding?.evidence.length, finding?.remedy.length]).toEqual([8, 8]);
    expect(finding?.remedy[0]).toBe("ip -4 rule delete pref 10200");
    for (const line of finding?.remedy ?? []) expect(line).not.toContain("\n");
  });
});

describe("the applied state", () => {
  const good: ResourceStatus = { key: "link/office", enforcement: "enforced", ready: true, drift: [], summary: "" };
  const policy: ResourceStatus = { ...good, key: "firewall/machine" };

  test.each<[string, readonly ResourceStatus[], readonly string[]]>([
    ["as applied", [good, policy], []],
    ["a device that is gone", [{ ...good, ready: false, summary: "is gone" }], ["fault drifted"]],
    ["another mtu", [{ ...good, drift: [{ field: "/mtuBytes" }] }], ["fault drifted"]],
    [
      "a keeper that is gone",
      [{ ...policy, drift: [{ field: "/held", before: false, after: true }] }],
      ["fault policy-orphaned"],
    ],
    [
      "a packet filter that does not act",
      [{ ...policy, drift: [{ field: "/damage", before: [DISREGARDED], after: [] }] }],
      ["fault policy-disregarded"],
    ],
    [
      "a policy that is gone",
      [{ ...policy, drift: [{ field: "", after: "the whole policy" }] }],
      ["fault policy-missing"],
    ],
    [
      "a policy with holes",
      [{ ...policy, drift: [{ field: "/damage", before: ["a rule is gone"], after: [] }] }],
      ["fault policy-missing"],
    ],
  ])("%s", (_what, resources, expected) => {
    const findings = judgeApplied(resources, "awg rollback 7", true);
    expect(reported(findings)).toEqual(expected);
    for (const { id, severity, remedy } of findings)
      if (severity === "fault" && id !== "policy-disregarded") expect(remedy).toEqual(["awg rollback 7"]);
  });
});

test("what differs in the applied state is named as the configuration names it, each once", () => {
  const standing = { enforcement: "enforced", ready: true, summary: "" } as const;
  const fields = ["/layers/0/flows/rules/3/match/ports", "/steering/rules/3/match/ports", "/layers/0/killSwitch"];
  const [policy, drifted] = judgeApplied(
    [
      { ...standing, key: "firewall/machine", drift: fields.map((field) => ({ field })) },
      { ...standing, key: "sysctl/machine", drift: [{ field: "/values/net.ipv4.conf.all.rp_filter" }] },
    ],
    "awg rollback 7",
    true,
  );
  expect(policy?.evidence).toEqual([
    "firewall/machine differs in rules.3.ports",
    "firewall/machine differs in killSwitch.enabled",
  ]);
  expect(drifted?.evidence).toEqual(["sysctl/machine differs in net.ipv4.conf.all.rp_filter"]);
});

test.each([
  ["/var/lib/awg/journal", "/var/lib/awg/journal"],
  ["/tmp/a b", "'/tmp/a b'"],
  ["/tmp/it's;rm", "'/tmp/it'\\''s;rm'"],
  ["", "''"],
])("a shell reads %j as one word", (path, word) => {
  expect(shellWord(path)).toBe(word);
});

test.each([
  ["user", "the system user awg is missing", "/etc/passwd has no user awg", "useradd --system"],
  ["setpriv", "setpriv is not installed", "looked in /usr/bin and /bin", "apt-get install util-linux"],
  ["mapping", "the user awg has no uid in this user namespace", "its uid is not in /proc/self/uid_map", ""],
] as const)("doctor names why engines have no user of their own: %s", (serviceUserLack, what, seen, remedy) => {
  const [finding] = judgeEnvironment({ ...QUIET, serviceUserLack }, APPLIED, 1_000);
  expect(finding?.what).toBe(`${what}, so any root process can reach the endpoints of tunnels and proxies`);
  expect(finding?.evidence).toEqual([seen]);
  expect(finding?.remedy.join()).toContain(remedy);
});
