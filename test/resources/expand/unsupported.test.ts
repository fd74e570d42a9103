import { describe, expect, test } from "vitest";
import { MOST_TUNNELS } from "../../../src/model/ownership.ts";
import { capabilities, expandText, KEY_A, resourceOf } from "../sample.ts";

const tunnel = (more: string, peer = "") => `
tunnels:
  a:
    protocol: amneziawg
    privateKey: { file: /k }
    addresses: [10.0.0.1/32, fd00::1/128]
    peers: [{ publicKey: ${KEY_A}, endpoint: "198.51.100.7:1", allowedIPs: [0.0.0.0/0]${peer} }]
    ${more}
default: { via: direct }
`;

const rule = (text: string) => `${tunnel("")}rules: [{ ${text}, via: a }]`;

describe("what has no driver yet is refused by its place, never passed over", () => {
  test.each<[string, string, string]>([
    [
      "connections kept where a proxy takes part",
      "tunnels: { p: { protocol: socks5, server: 'proxy.example:1080' } }\ndefault: { via: p, fallback: direct, openFlows: keep }\nkillSwitch: { enabled: true }",
      "default.openFlows",
    ],
    ["a tunnel that is off", tunnel("enabled: false"), "tunnels.a.enabled"],
    ["a table", tunnel("table: 7"), "tunnels.a.table"],
    ["a mark", tunnel("fwmark: 7"), "tunnels.a.fwmark"],
    ["servers of one tunnel", tunnel("dns: [10.0.0.1]"), "tunnels.a.dns"],
    ["forwarding", tunnel("forward: true"), "tunnels.a.forward"],
    ["masquerading", tunnel("masquerade: true"), "tunnels.a.masquerade"],
    ["a keychain", tunnel("").replace("{ file: /k }", "{ keychain: k }"), "tunnels.a"],
    [
      "a range of keepalives",
      tunnel('engine: userspace\n    obfuscation: { version: "3.0" }', ", persistentKeepalive: 20-30"),
      "tunnels.a.peers.0.persistentKeepalive",
    ],
    [
      "parameters that only 1.5 has",
      tunnel('engine: userspace\n    obfuscation: { version: "1.5", itime: 60 }'),
      "tunnels.a.obfuscation.itime",
    ],
    ["bundles of programs", rule("apps: [x, { bundleId: com.example }]"), "rules.0.apps.1.bundleId"],
    ["signers of ancestors", rule("not: { parent: [{ signer: TEAM }] }"), "rules.0.not.parent.0.signer"],
    ["domains without a server", rule("destinations: [{ domain: corp.example }]"), "rules.0.destinations"],
    ["DNS past its protection", rule("ports: [80], dns: direct"), "rules.0.dns"],
    ["blocking at boot", `${tunnel("")}killSwitch: { atBoot: true }`, "killSwitch.atBoot"],
    ["a kill switch that ends", `${tunnel("")}killSwitch: { persist: false }`, "killSwitch.persist"],
    ["the service", `${tunnel("")}service: {}`, "service"],
    ["updates", `${tunnel("")}update: {}`, "update"],
    ["a system extension", `${tunnel("")}systemExtension: { bundle: com.example.app }`, "systemExtension"],
    [
      "demands",
      `${tunnel("")}invariants: [{ always: { apps: [{ signer: BANK }], via: direct } }]`,
      "invariants.0.always.apps.0.signer",
    ],
    [
      "programs in invariants",
      `${tunnel("")}invariants: [{ never: { apps: [{ bundleId: bank }], via: direct } }]`,
      "invariants.0.never.apps.0.bundleId",
    ],
    [
      "probes past tunnels",
      `${tunnel("")}probes: [{ name: p, type: ping, target: 10.0.0.1, via: direct }]`,
      "probes.0.via",
    ],
    ["fleets", `${tunnel("")}fleet: { source: git@example, publicKeys: [k] }`, "fleet"],
  ])("%s", (_name, text, path) => {
    expect(expandText(text).unsupported.map((one) => one.path)).toContain(path);
  });

  test("awg's own engine, which auto is, takes a range of keepalives, and what only 1.5 has", () => {
    const ranged = tunnel('obfuscation: { version: "3.0" }', ", persistentKeepalive: 20-30");
    const old = tunnel('obfuscation: { version: "1.5", itime: 60, i1: "<t>", j1: "<r 4>" }');
    expect(expandText(ranged).unsupported).toEqual([]);
    expect(expandText(old).unsupported).toEqual([]);
    expect(resourceOf(expandText(ranged), "tunnel/a").spec).toMatchObject({
      obfuscation: { awg_generation: "3.0" },
      peers: [{ persistentKeepaliveSeconds: 30, leastKeepaliveSeconds: 20 }],
    });
  });

  test("every message is one clause", () => {
    const text = `${tunnel('engine: userspace\n    obfuscation: { version: "3.0" }', ", persistentKeepalive: 20-30")}killSwitch: { persist: false, atBoot: true }`;
    for (const { message } of expandText(text).unsupported) {
      expect(message).toMatch(/^[a-zA-Z"]/);
      expect(message).not.toMatch(/[.\n]$/);
    }
  });

  test(`${MOST_TUNNELS} tunnels are carried, one more is refused`, () => {
    const body = (n: number) =>
      `{ protocol: wireguard, privateKey: { file: /k${n} }, addresses: [10.9.${n}.1/32], peers: [{ publicKey: ${KEY_A}, allowedIPs: [10.9.${n}.0/24] }] }`;
    const many = Array.from({ length: MOST_TUNNELS + 1 }, (_, n) => `  t${n}: ${body(n)}`).join("\n");
    const { unsupported, desired } = expandText(`tunnels:\n${many}\ndefault: { via: direct }`);
    expect(unsupported).toEqual([{ path: "tunnels.t99", message: `at most ${MOST_TUNNELS} tunnels are possible` }]);
    expect(desired.resources.filter(({ kind }) => kind === "link")).toHaveLength(MOST_TUNNELS);
  });
});

describe("law 9: a rule that demands more than this host keeps is refused", () => {
  const demanding = (level: string, more = "ports: [80], protocol: tcp") => rule(`${more}, require: ${level}`);

  test.each<[string, string, Parameters<typeof capabilities>[0], string[]]>([
    ["enforced, and it is", demanding("enforced"), {}, []],
    ["enforced, without the egress hook", demanding("enforced"), { egressHook: false }, ["rules.0.require"]],
    ["best-effort, without the egress hook", demanding("best-effort"), { egressHook: false }, []],
    [
      "enforced, of a protocol that routes cannot tell",
      demanding("enforced", "protocol: icmp"),
      {},
      ["rules.0.require"],
    ],
    [
      "enforced, with a fallback that needs the daemon",
      demanding("enforced", "ports: [80], protocol: tcp, fallback: direct"),
      {},
      ["rules.0.require"],
    ],
    [
      "advisory, without any packet filter",
      demanding("advisory"),
      { nftables: false },
      ["killSwitch", "rules.0.require"],
    ],
  ])("%s", (_name, text, able, paths) => {
    const { unsupported } = expandText(text, capabilities(able));
    expect(unsupported.map(({ path }) => path).toSorted()).toEqual(paths);
  });
});

describe("what only another system has", () => {
  const text = rule("apps: [x, { signer: 43AQ936H96 }], any: [{ not: { parent: { bundleId: org.example.x } } }]");
  const reported = (config: string, os: "linux" | "darwin") =>
    expandText(config, { os }).unsupported.filter(({ message }) => /works on .* only/.test(message));

  test("bundles and signers of programs: refused on Linux by their place, with what to match instead", () => {
    expect(reported(text, "linux")).toEqual([
      { path: "rules.0.apps.1.signer", message: '"signer" works on macOS only; match the path' },
      { path: "rules.0.any.0.not.parent.0.bundleId", message: '"bundleId" works on macOS only; match the path' },
    ]);
    expect(reported(text, "darwin")).toEqual([]);
  });

  test("a tunnel that runs: taken over on Linux, refused on macOS, with what to do instead", () => {
    const adopting = `${tunnel("")}conflicts: { /link/a/device: adopt }`;
    expect(reported(adopting, "linux")).toEqual([]);
    expect(reported(adopting, "darwin")).toMatchObject([
      { path: "conflicts./link/a/device", message: '"adopt" works on Linux only; run wg-quick down first' },
    ]);
  });
});
