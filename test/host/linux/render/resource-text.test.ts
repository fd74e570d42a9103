import { describe, expect, test } from "vitest";
import { renderResourceText } from "../../../../src/host/linux/render/resource-text.ts";
import type { FirewallPolicy } from "../../../../src/model/firewall/policy.ts";
import { ENGINE_MARK } from "../../../../src/model/ownership.ts";
import type { SecretId } from "../../../../src/model/secret.ts";

const OFFICE = { kind: "tunnel", device: "awg-office", number: 1 } as const;

const policy: FirewallPolicy = {
  steering: {
    rules: [
      { origin: "rules/0 (mail)", match: { protocol: 6, ports: [{ from: 25, to: 25 }] }, path: { kind: "block" } },
    ],
    default: OFFICE,
  },
  layers: [
    {
      killSwitch: true,
      tunnels: [{ device: "awg-office", number: 1, addresses: ["10.8.0.2"], families: [4] }],
      flows: { rules: [], default: OFFICE },
      endpoints: [{ address: "192.0.2.1", port: 51820, protocol: 17 }],
      listens: [],
      bootstrapDns: [],
      serviceUid: 977,
      allowLan: false,
      allow: [],
      dns: null,
    },
  ],
};

describe("what would be loaded, as text", () => {
  const text = renderResourceText({ kind: "firewall", key: "firewall/machine", spec: policy }, ["eth0"]);

  test("names addresses, ports, marks and devices as nft would", () => {
    expect(text).toContain("table inet awg {");
    expect(text).toContain("table netdev awg {");
    expect(text).toMatch(/ip daddr 192\.0\.2\.1/);
    expect(text).toMatch(/th dport 51820|udp dport 51820/);
    expect(text).toContain("skuid 977");
    expect(text).toContain(`mark & 0xff000000 0x${ENGINE_MARK.toString(16)}`);
    expect(text).toContain("eth0");
  });

  test("every rule with a verdict says the paragraph it carries out", () => {
    const rules = text
      .split("\n")
      .filter((line) => /\b(accept|drop|goto|jump)\b/.test(line) && !line.includes("policy "));
    expect(rules.length).toBeGreaterThan(10);
    expect(rules.filter((line) => !/# S\d/.test(line))).toEqual([]);
  });

  test("law 8: keys appear as (secret)", () => {
    const id = "c0ffee".repeat(10) as SecretId;
    const rendered = renderResourceText(
      {
        kind: "tunnel",
        key: "tunnel/office",
        spec: {
          device: "awg-office",
          protocol: "wireguard",
          engine: "userspace",
          privateKey: id,
          listenPort: 0,
          fwmark: ENGINE_MARK,
          peers: [
            {
              publicKey: "k",
              presharedKey: id,
              endpoint: "192.0.2.1:51820",
              allowedIPs: ["0.0.0.0/0"],
              persistentKeepaliveSeconds: 25,
            },
          ],
          obfuscation: {},
        },
      },
      [],
    );
    expect(rendered).not.toContain(id);
    expect(rendered.match(/\(secret\)/g)).toHaveLength(2);
    expect(rendered).toContain("FwMark = 0x3f000000");
  });

  test("a table of ours is a list of ip commands, the guard first", () => {
    const spec = {
      table: 7,
      device: "awg-office",
      destinations: ["0.0.0.0/0"],
      guards: [4, 6] as const,
      rules: [
        {
          family: 4 as const,
          preference: 10_200,
          match: { destination: "192.168.7.0/24", protocol: "tcp" as const, ports: { from: 80, to: 81 } },
          table: 254,
        },
        {
          family: 4 as const,
          preference: 10_140,
          match: { protocol: "tcp" as const, sourcePorts: { from: 22, to: 22 }, local: true as const },
          table: 254,
        },
      ],
    };
    expect(renderResourceText({ kind: "routes", key: "routes/office", spec }, []).split("\n")).toEqual([
      "# routes/office",
      "ip -4 route add unreachable default table 7 metric 4278198272 proto 174",
      "ip -6 route add unreachable default table 7 metric 4278198272 proto 174",
      "ip route add 0.0.0.0/0 dev awg-office table 7 proto 174",
      "ip -4 rule add pref 10200 to 192.168.7.0/24 ipproto tcp dport 80-81 lookup main protocol 174",
      "ip -4 rule add pref 10140 iif lo ipproto tcp sport 22-22 lookup main protocol 174",
    ]);
  });
});
