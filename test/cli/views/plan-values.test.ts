import { expect, test } from "vitest";
import { renderPlan } from "../../../src/cli/verbs/plan/plan.human.ts";
import { styleFor } from "../../../src/cli/views/style.ts";
import { deviceOfTunnel, tableOfPath } from "../../../src/model/ownership.ts";
import { inverseStep, type Plan, type Step } from "../../../src/model/plan.ts";
import type { Resource } from "../../../src/model/resource.ts";
import type { PolicyRule } from "../../../src/model/resources/routes.ts";
import { SECRET_OBFUSCATION_KEY } from "../../../src/uapi/obfuscation.ts";
import { LAPTOP } from "../../model/firewall/policies.ts";

const CANARY = "c0ffee".repeat(10);
const rule = (table: number, preference = 10_110): PolicyRule => ({ family: 4, preference, match: {}, table });
const rules = Array.from({ length: 9 }, (_, index) => rule(tableOfPath(1), 10_200 + index));

const RESOURCES: readonly Resource[] = [
  { kind: "firewall", key: "firewall/machine", spec: LAPTOP },
  {
    kind: "link",
    key: "link/office",
    spec: { device: "awg-office", type: "tun", addresses: ["10.8.0.2/32"], mtuBytes: 1420, tunnel: "office" },
  },
  {
    kind: "tunnel",
    key: "tunnel/office",
    spec: {
      device: "awg-office",
      protocol: "amneziawg",
      engine: "embedded",
      privateKey: CANARY as never,
      listenPort: 51_820,
      fwmark: 0x3f00_0000,
      peers: [
        {
          publicKey: "xTIBA5rboUvnH4htodjb6e697QjLERt1NAB4mZqp8Dg=",
          presharedKey: CANARY as never,
          endpoint: "203.0.113.9:51820",
          allowedIPs: ["0.0.0.0/0"],
          persistentKeepaliveSeconds: 25,
        },
      ],
      obfuscation: { jc: "4", i1: `<b 0x${"00".repeat(500)}>`, [SECRET_OBFUSCATION_KEY]: CANARY },
    },
  },
  {
    kind: "routes",
    key: "routes/office",
    spec: {
      table: tableOfPath(1),
      device: "awg-office",
      destinations: Array.from({ length: 40 }, (_, index) => `10.${index}.0.0/16`),
      guards: [4, 6],
      rules: [],
    },
  },
  { kind: "routes", key: "routes/policy", spec: { destinations: [], guards: [4, 6], rules } },
  {
    kind: "resolver",
    key: "resolver/machine",
    spec: { method: "file", servers: ["10.8.0.1"], search: [], device: "" },
  },
];

function planOf(steps: readonly Step[]): Plan {
  return { batches: steps.map((one) => ({ kind: one.kind, phase: one.phase, steps: [one] })), unchanged: [] };
}

const creations = RESOURCES.map(({ kind, key, spec }) => {
  const step = { kind, key, action: "create", phase: "prepare", before: null, after: spec, changes: [], reason: "new" };
  return step as unknown as Step;
});

function bodyOf(steps: readonly Step[], isVerbose = false): string {
  const text = renderPlan(planOf(steps), "x", styleFor(false), { isVerbose, resources: RESOURCES });
  return text.slice(0, text.indexOf("\n\n"));
}

test("a plan shows the values of what it creates, and never a secret", () => {
  const text = bodyOf(creations);
  expect(text).not.toContain(CANARY.slice(0, 12));
  expect(text).toMatchInlineSnapshot(`
    "  + firewall/machine  # new
          kill switch: on, LAN allowed
          endpoints: 192.0.2.1:51820, [2001:db8::1]:443
          listening UDP ports: 51821
          allow: in, tcp port 22
          allow: out, udp port 123, to 192.0.2.123/32
          bootstrap DNS: 192.0.2.53
          DNS: 10.8.0.1, fd00:8::1 via office; to other servers blocked; encrypted DNS blocked
          rules.0 (backup): users 1500-1599 → block
          rules.1 (mirror): to 198.51.100.0/24, 203.0.113.0/25, 2001:db8:1::/48, tcp ports 80, 8000-8999 → direct
          rules.2 (games): ports 27000-27100 → proxy
          default: office
      + link/office  # new
          device: awg-office, mtu 1420
          addresses: 10.8.0.2/32
      + tunnel/office  # new
          protocol: amneziawg, engine embedded, listens on UDP 51820
          obfuscation: jc=4, i1=<b 0x000000000000000000000000000…, header_protection_key=(secret)
          peer xTIBA5rb…: 203.0.113.9:51820, allowedIPs 0.0.0.0/0, keepalive 25 s, preshared key
      + routes/office  # new
          routes: 10.0.0.0/16, 10.1.0.0/16, 10.2.0.0/16, … (40 prefixes) dev awg-office
      + routes/policy  # new
          policy rules: 9 (--verbose lists them)
      + resolver/machine  # new
          servers: 10.8.0.1"
  `);
});

test("what a plan removes has the same values", () => {
  const removed = bodyOf(creations.map((step) => ({ ...inverseStep(step), reason: "new" }) as Step));
  expect(removed.replaceAll(/^ {2}- /gm, "  + ")).toBe(bodyOf(creations));
});

test("many policy rules are counted by tunnel, and listed with --verbose", () => {
  const [policy] = creations.filter(({ key }) => key === "routes/policy");
  const before = { destinations: [], guards: [4, 6], rules: [rule(254)] };
  const changes = [{ field: "/rules", before: [], after: [], added: 9, removed: 1 }];
  const update = { ...policy, action: "update", before, changes } as unknown as Step;
  expect(bodyOf([update]).split("\n")[1]).toBe(
    "      policy rules: 9 added (9 office), 1 removed (1 direct); --verbose lists them",
  );
  const verbose = bodyOf([update], true).split("\n");
  expect(verbose).toContain("        + -4 10208: from all lookup 1635188737");
  expect(verbose).toContain("        - -4 10110: from all lookup main");
});

test("the packet filter uses the name of a tunnel, not the shorter one of its device", () => {
  const device = deviceOfTunnel("se-mma-wg-002");
  const path = { kind: "tunnel", device, number: 1 } as const;
  const firewall = { steering: { rules: [], default: path }, layers: [] };
  const [link, filter] = [
    {
      kind: "link",
      key: "link/se-mma-wg-002",
      spec: { device, tunnel: "se-mma-wg-002", addresses: [], mtuBytes: 1420 },
    },
    { kind: "firewall", key: "firewall/machine", spec: firewall },
  ].map(({ kind, key, spec }) => {
    const step = {
      kind,
      key,
      action: "create",
      phase: "prepare",
      before: null,
      after: spec,
      changes: [],
      reason: "new",
    };
    return step as unknown as Step;
  });
  const changes = [{ field: "/steering/default", before: { kind: "block" }, after: path }];
  const update = { ...filter, action: "update", before: firewall, changes } as unknown as Step;
  const text = bodyOf([link, filter, update].filter((one) => one !== undefined));
  expect(text).toContain("      default: se-mma-wg-002\n");
  expect(text).toContain("      default.via: block → se-mma-wg-002");
  expect(text).toContain(`device: ${device}, mtu 1420`);
});

test("another server of the same peer changes the endpoint, which has no number", () => {
  const [filter] = creations;
  const changes = [{ field: "/layers/0/endpoints/0/address", before: "192.0.2.1", after: "192.0.2.2" }];
  const update = { ...filter, action: "update", before: LAPTOP, changes } as unknown as Step;
  expect(bodyOf([update]).split("\n")[1]).toBe("      endpoint address: 192.0.2.1 → 192.0.2.2");
});
