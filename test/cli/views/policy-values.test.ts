import { expect, test } from "vitest";
import { renderSteps } from "../../../src/cli/verbs/plan/plan.human.ts";
import { renderChange } from "../../../src/cli/views/resource/field-change.ts";
import { ruleText } from "../../../src/cli/views/resource/policy-values.ts";
import { styleFor } from "../../../src/cli/views/style.ts";
import type { FirewallPolicy, FlowRule, PathRef, PolicyLayer } from "../../../src/model/firewall/policy.ts";
import { inverseChange } from "../../../src/model/plan.ts";
import { diffFirewall } from "../../../src/resources/firewall/firewall.ts";
import { LAPTOP } from "../../model/firewall/policies.ts";

const OFFICE: PathRef = { kind: "tunnel", device: "awg-office", number: 1 };
const DIRECT: PathRef = { kind: "direct" };
const PRINTERS: FlowRule = {
  origin: "rules/0 (printers)",
  match: { destinations: ["192.168.7.0/24"] },
  path: DIRECT,
};
const MAIL: FlowRule = {
  origin: "rules/1",
  match: { protocol: 6, ports: [{ from: 25, to: 25 }], uids: [{ from: 0, to: 0 }] },
  path: { ...OFFICE, fallback: "direct" },
};
const LAN: FlowRule = {
  origin: "killSwitch/allowLan (networks of the tunnels)",
  match: { destinations: ["10.8.0.2/32"] },
  path: OFFICE,
};
const at = (rule: FlowRule, index: number): FlowRule => ({
  ...rule,
  origin: rule.origin.replace(/^rules\/[0-9]+/, `rules/${index}`),
});

function policy(rules: readonly FlowRule[], layer: Partial<PolicyLayer> = {}, path: PathRef = OFFICE): FirewallPolicy {
  const flows = { rules, default: path };
  return { steering: flows, layers: [{ ...(LAPTOP.layers[0] as PolicyLayer), flows, ...layer }] };
}

/** The fields below the step's own line. */
function reported(before: FirewallPolicy, after: FirewallPolicy, isVerbose = false): string[] {
  const observed = { policy: before, damage: [], held: true, droppedPackets: 0 };
  const changes = diffFirewall(after, observed);
  const step = { key: "firewall/machine", action: "update", reason: "differs", changes } as const;
  return renderSteps([step], styleFor(false), { isVerbose })
    .slice(1)
    .map((line) => line.trim());
}

test.each<[string, FirewallPolicy, FirewallPolicy, string[]]>([
  [
    "a rule that comes, before others",
    policy([PRINTERS, at(MAIL, 1)]),
    policy([{ ...PRINTERS, origin: "rules/0 (new)" }, at(PRINTERS, 1), at(MAIL, 2)]),
    ["rules: 1 added (rules.0 (new): to 192.168.7.0/24 → direct)"],
  ],
  [
    "one that comes, after others",
    policy([PRINTERS, MAIL]),
    policy([PRINTERS, MAIL, { ...PRINTERS, origin: "rules/2 (new)" }]),
    ["rules: 1 added (rules.2 (new): to 192.168.7.0/24 → direct)"],
  ],
  [
    "one that comes, where the others change places",
    policy([PRINTERS, MAIL]),
    policy([at(MAIL, 0), at(PRINTERS, 1), { ...PRINTERS, origin: "rules/2 (new)" }]),
    ["rules: 1 added (rules.2 (new): to 192.168.7.0/24 → direct)", "rules: the rest in another order → reordered"],
  ],
  [
    "a second one that is the same",
    policy([PRINTERS, MAIL]),
    policy([PRINTERS, MAIL, at(MAIL, 2)]),
    ["rules: 1 added (rules.2: tcp port 25, user 0 → office, else direct)"],
  ],
  [
    "one that goes",
    policy([PRINTERS, MAIL]),
    policy([PRINTERS]),
    ["rules: 1 removed (rules.1: tcp port 25, user 0 → office, else direct)"],
  ],
  [
    "rules in another order",
    policy([PRINTERS, MAIL]),
    policy([at(MAIL, 0), at(PRINTERS, 1)]),
    ["rules: the same in another order → reordered"],
  ],
  [
    "rules whose numbers alone differ",
    policy([PRINTERS, MAIL]),
    policy([PRINTERS, at(MAIL, 2)]),
    ["rules: the same in the same order → renumbered"],
  ],
  [
    "fields of the only rule",
    policy([PRINTERS]),
    policy([{ origin: "rules/0 (paper)", match: { destinations: ["10.0.0.0/8"] }, path: { kind: "block" } }]),
    [
      "rules.0.destinations: 1 added (10.0.0.0/8), 1 removed (192.168.7.0/24)",
      "rules.0.name: printers → paper",
      "rules.0.via: direct → block",
    ],
  ],
  [
    "ports",
    policy([at(MAIL, 0)]),
    policy([{ ...at(MAIL, 0), match: { ...MAIL.match, ports: [{ from: 465, to: 587 }] } }]),
    ["rules.0.ports: 25 → 465-587"],
  ],
  ["the default", policy([]), policy([], {}, DIRECT), ["default.via: office → direct"]],
  [
    "a fallback",
    policy([]),
    policy([], {}, { ...OFFICE, fallback: "direct" }),
    ["default.via: office → office, else direct"],
  ],
  [
    "the kill switch",
    policy([], {
      killSwitch: true,
      allowLan: true,
      allow: [{ direction: "in", protocol: 6, ports: [{ from: 22, to: 22 }] }],
    }),
    policy([], { killSwitch: false, allowLan: false, allow: [] }),
    [
      "killSwitch.allow: 1 removed (in, tcp port 22)",
      "killSwitch.allowLan: true → false",
      "killSwitch.enabled: true → false",
    ],
  ],
  [
    "DNS",
    policy([], { dns: { leakProtection: true, servers: ["10.8.0.1"], path: OFFICE, blockEncrypted: false } }),
    policy([], { dns: { leakProtection: true, servers: ["10.8.0.1"], path: DIRECT, blockEncrypted: true } }),
    ["dns.blockEncryptedDns: false → true", "dns.via: office → direct"],
  ],
  [
    "endpoints",
    policy([], { endpoints: [] }),
    policy([], { endpoints: [{ address: "2001:db8::1", port: 51820, protocol: 17 }] }),
    ["endpoints: 1 added ([2001:db8::1]:51820)"],
  ],
  [
    "what allowLan lets into the tunnels' own networks",
    policy([{ ...LAN, match: { destinations: ["10.8.0.2/32"] } }]),
    policy([{ ...LAN, match: { destinations: ["10.8.0.2/32", "10.8.0.3/32"] } }]),
    ["killSwitch/allowLan (networks of the tunnels): destinations: 1 added (10.8.0.3/32)"],
  ],
  [
    "the same where a rule was written, too, and goes with it",
    policy([LAN, PRINTERS]),
    policy([]),
    [
      "rules: 2 removed",
      "- killSwitch.allowLan (networks of the tunnels): to 10.8.0.2/32 → office",
      "- rules.0 (printers): to 192.168.7.0/24 → direct",
    ],
  ],
  [
    "the only rule of another number",
    policy([at(MAIL, 3)]),
    policy([{ ...at(MAIL, 3), path: DIRECT }]),
    ["rules.3.via: office, else direct → direct"],
  ],
  [
    "an address of the only tunnel",
    policy([], { tunnels: [{ device: "awg-office", number: 1, addresses: ["10.8.0.2"], families: [4] }] }),
    policy([], { tunnels: [{ device: "awg-office", number: 1, addresses: ["10.8.0.3"], families: [4] }] }),
    ["tunnels.office.addresses: 1 added (10.8.0.3), 1 removed (10.8.0.2)"],
  ],
  [
    "DNS that is taken out",
    policy([], { dns: { leakProtection: true, servers: ["10.8.0.1"], path: OFFICE, blockEncrypted: false } }),
    policy([], { dns: null }),
    ["dns: { leakProtection: true, servers: [10.8.0.1], path: office, blockEncrypted: false } → (none)"],
  ],
])("%s: each field once, by its name in the configuration, in words", (_, before, after, lines) => {
  expect(reported(before, after)).toEqual(lines);
});

test("a rule that is longer than a line is shown whole, on a line of its own", () => {
  const ports = Array.from({ length: 60 }, (_, index) => 1000 + 2 * index);
  const long: FlowRule = { ...MAIL, match: { protocol: 6, ports: ports.map((port) => ({ from: port, to: port })) } };
  const text = `rules.1: tcp ports ${ports.join(", ")} → office, else direct`;
  expect(reported(policy([PRINTERS, long]), policy([PRINTERS]))).toEqual(["rules: 1 removed", `- ${text}`]);
  expect(reported(policy([PRINTERS]), policy([PRINTERS, long]))).toEqual(["rules: 1 added", `+ ${text}`]);
});

test("of a long list the first prefixes are shown, and what changes in it; --verbose shows it whole", () => {
  const prefixes = Array.from({ length: 50 }, (_, index) => `10.0.${index}.0/24`);
  const list = (destinations: readonly string[], path: PathRef = DIRECT): FlowRule => ({
    origin: "rules/1 (list)",
    match: { destinations },
    path,
  });
  const [before, other] = [policy([PRINTERS, list(prefixes)]), [...prefixes.slice(0, 49), "10.1.0.0/24"]];
  const [first, block] = [
    "10.0.0.0/24, 10.0.1.0/24, 10.0.2.0/24, … (50 prefixes)",
    { kind: "block" } satisfies PathRef,
  ] as const;
  expect(reported(before, policy([PRINTERS, list(prefixes, block)]))).toEqual([
    "rules: 1 added, 1 removed",
    `+ rules.1 (list): to ${first} → block`,
    `- rules.1 (list): to ${first} → direct`,
  ]);
  expect(reported(before, policy([PRINTERS, list(other)])).slice(3)).toEqual([
    "~ rules.1 (list): destinations: 1 added (10.1.0.0/24), 1 removed (10.0.49.0/24)",
  ]);
  expect(reported(before, policy([PRINTERS, list(other)]), true)).toEqual([
    "rules: 1 added, 1 removed",
    `+ rules.1 (list): to ${other.join(", ")} → direct`,
    `- rules.1 (list): to ${prefixes.join(", ")} → direct`,
  ]);
});

test("a rule by program is shown with its programs, not with numbers of classes", () => {
  const rule = (origin: string, match: FlowRule["match"]): FlowRule => ({ origin, match, path: DIRECT });
  expect(
    [
      rule("rules/0 (fetch)", { classes: { in: [56] } }),
      rule("rules/0 (fetch)", { classes: { in: [56] }, destinations: ["10.0.0.0/8"], protocol: 6 }),
      rule("rules/0 (fetch) without a class", { classes: { in: [255, 254] } }),
      rule("rules/0 (fetch) without a class", { classes: { otherThan: [56] } }),
    ].map((one) => ruleText(one)),
  ).toEqual([
    "rules.0 (fetch): its programs → direct",
    "rules.0 (fetch): its programs, to 10.0.0.0/8, tcp → direct",
    "rules.0 (fetch): sockets without a class → direct",
    "rules.0 (fetch): sockets without a class → direct",
  ]);
  const before = { ...PRINTERS, match: { classes: { in: [56] } } };
  expect(reported(policy([before]), policy([{ ...PRINTERS, match: {} }]))).toEqual([
    "rules.0.classes: its programs → (none)",
  ]);
});

test("a replaced program of the classifier is loaded again", () => {
  const change = { field: "/paths", before: "another file at cgroup g", after: "cgroup g" };
  expect(renderChange(change, styleFor(false))).toBe("cgroup g was replaced; will be loaded again");
  expect(renderChange(inverseChange(change), styleFor(false), "found")).toBe("cgroup g was replaced");
});

test("a renumbered table is shown by its number", () => {
  expect(reported(policy([]), policy([], {}, { ...OFFICE, number: 2 }))).toEqual(["default.number: 1 → 2"]);
});

test("a keeper that goes or comes, and a list that is emptied, are put in words", () => {
  const style = styleFor(false);
  expect(renderChange({ field: "/held", before: false, after: true }, style)).toBe("held: by no keeper → by a keeper");
  expect(renderChange({ field: "/held", before: true, after: false }, style)).toBe("held: by a keeper → by no keeper");
  expect(renderChange({ field: "/damage", before: ["a chain"], after: [] }, style)).toBe("damage: a chain → (none)");
});

test("a peer that goes or comes reads as in a plan", () => {
  const publicKey = "xTIBA5rboUvnH4htodjb6e697QjLERt1NAB4mZqp8Dg=";
  const peer = { publicKey, endpoint: "192.0.2.1:1", allowedIPs: ["0.0.0.0/0", "::/0"], persistentKeepaliveSeconds: 0 };
  const field = `/peers/${publicKey}`;
  expect(renderChange({ field, after: peer }, styleFor(false))).toBe(
    "peer xTIBA5rb… added: 192.0.2.1:1, allowedIPs 0.0.0.0/0, ::/0",
  );
  expect(renderChange({ field, before: peer }, styleFor(false))).toBe("peer xTIBA5rb… removed");
});

test("a list that is too long for a line is cut between its members", () => {
  const before = Array.from({ length: 30 }, (_, index) => `10.0.${index}.0/24`);
  const reported = renderChange({ field: "/routes", before, after: ["10.1.0.0/16"] }, styleFor(false));
  expect(reported).toBe(`routes: ${before.slice(0, 9).join(", ")}, … → 10.1.0.0/16`);
});

test("two values that begin alike for longer than a line are shown from where they differ", () => {
  const style = styleFor(false);
  const ports = (last: number) => [...Array.from({ length: 60 }, (_, index) => 1000 + 2 * index), last];
  const ranges = (last: number) => ports(last).map((port) => ({ from: port, to: port }));
  const change = { field: "/steering/rules/0/match/ports", before: ranges(7000), after: ranges(7001) };
  expect(renderChange(change, style)).toBe("rules.0.ports: …7000 → …7001");
  expect(renderChange({ ...change, after: ranges(7001).slice(0, 60) }, style)).toBe(
    "rules.0.ports: …1118, 7000 → …1118",
  );
  expect(renderChange({ field: "/damage", before: null, after: [] }, style)).toBe("damage: (none) → (none)");
  const unit = (end: string) => `${"[Service] ".repeat(20)}Restart=${end} RestartSec=5`;
  expect(renderChange({ field: "/unit", before: unit("no"), after: unit("always") }, style)).toBe(
    "unit: …Restart=no RestartSec=5 → …Restart=always RestartSec=5",
  );
});
