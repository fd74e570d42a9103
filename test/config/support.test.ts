import { describe, expect, test } from "vitest";
import { reservedKeysUsed } from "../../src/config/feature/reserved-keys.ts";
import { FEATURES, type Feature, refusalOf } from "../../src/config/feature/support.ts";
import { loadConfig } from "../../src/config/load-config.ts";
import { configOf, expandText, KEY_A } from "../resources/sample.ts";
import { sampleConfig } from "../support/config.ts";

const peer = `{ publicKey: ${KEY_A}, endpoint: "198.51.100.7:1", allowedIPs: [0.0.0.0/0] }`;
const tunnel = (more: string) =>
  `tunnels: { a: { protocol: amneziawg, privateKey: { file: /k }, addresses: [10.0.0.1/32], peers: [${peer}], ${more} } }\ndefault: { via: direct }\n`;
const top = (text: string) => `${tunnel("")}${text}\n`;
const rule = (text: string) => top(`rules: [{ ${text}, via: a }]`);

/** A configuration that uses each feature. */
const USES: Readonly<Record<Feature, string>> = {
  "tunnel.disabled": tunnel("enabled: false"),
  "tunnel.interface": tunnel("interface: utun7"),
  "tunnel.table": tunnel("table: 7"),
  "tunnel.fwmark": tunnel("fwmark: 7"),
  "tunnel.dns": `${tunnel("dns: [10.0.0.1]")}dns: { servers: [9.9.9.9], via: direct }\n`,
  "tunnel.forward": tunnel("forward: true"),
  "tunnel.masquerade": tunnel("masquerade: true"),
  "tunnel.failover": `tunnels: { a: { protocol: wireguard, privateKey: { file: /k }, peers: [${peer}], failover: { tunnels: [b] } }, b: { protocol: wireguard, privateKey: { file: /b }, peers: [${peer}] } }\ndefault: { via: direct }`,
  "tunnel.obfuscation": tunnel("obfuscation: { s1: 10, s2: 40 }"),
  "tunnel.proxy": "tunnels: { p: { protocol: socks5, server: 'proxy.example:1080' } }\ndefault: { via: direct }",
  "tunnel.engine.embedded": tunnel("engine: embedded"),
  "tunnel.engine.userspace": tunnel("engine: userspace"),
  "tunnel.engine.kernel": tunnel("engine: kernel"),
  "secret.keychain": tunnel("").replace("{ file: /k }", "{ keychain: k }"),
  "fallback.failover": `tunnels: { a: { protocol: wireguard, privateKey: { file: /k }, peers: [${peer}] }, b: { protocol: wireguard, privateKey: { file: /b }, peers: [${peer}] } }\nrules: [{ ports: [80], protocol: tcp, via: a, fallback: { failover: [b] } }]\ndefault: { via: direct }`,
  "fallback.next-rule": rule("ports: [80], protocol: tcp, fallback: next_rule"),
  "rule.limit": rule("ports: [80], protocol: tcp, limit: { upload: 1mbit }"),
  "limit.priority": rule("ports: [80], protocol: tcp, limit: { priority: low }").replace("via: a }]", "via: direct }]"),
  "rule.require": rule("destinations: [10.1.0.0/16], require: advisory"),
  "rule.dns": rule("ports: [80], protocol: tcp, dns: direct"),
  "match.apps": rule("apps: [firefox]"),
  "match.contains": rule("apps: [{ contains: fire }]"),
  "match.regex": rule("parent: [{ regex: fire }]"),
  "match.glob": rule("apps: [{ path: /opt/*/run }]"),
  "match.bundleId": rule("apps: [{ bundleId: org.example.app }]"),
  "match.signer": rule("apps: [{ signer: 43AQ936H96 }]"),
  "match.users": top("rules: [{ users: [bob], via: block }]"),
  "match.cgroups": rule("cgroups: [user.slice]"),
  "match.commandLine": rule("commandLine: [x]"),
  "match.parent": rule("parent: [bash]"),
  "match.when": rule("when: { wired: true }"),
  "match.ssid": rule("when: { ssid: home }"),
  "match.domain": `${rule("destinations: [{ domain: corp.example }]")}\ndns: { servers: [10.0.0.1], via: a }`,
  "match.list": rule("destinations: [{ list: /etc/list }]"),
  "match.geoip": rule("destinations: [{ geoip: de }]"),
  "match.nested": rule("not: { destinations: [10.0.0.0/8] }"),
  "killSwitch.atBoot": top("killSwitch: { atBoot: true }"),
  "killSwitch.ephemeral": top("killSwitch: { persist: false }"),
  "dns.encrypted": top("dns: { servers: [{ address: 9.9.9.9, protocol: tls }] }"),
  "dns.split": top("dns: { servers: [10.0.0.1], split: { corp.example: [10.0.0.53] } }"),
  "dns.blockEncryptedDns": top("dns: { servers: [10.0.0.1], blockEncryptedDns: true }"),
  service: top("service: {}"),
  systemExtension: top("systemExtension: { bundle: com.example.app }"),
  update: top("update: {}"),
  "invariants.never": top("invariants: [{ never: { destinations: [10.9.0.0/16], via: a } }]"),
  "invariants.always": top("invariants: [{ always: { destinations: [10.9.0.0/16], via: direct } }]"),
  lifecycle: top("lifecycle: { protect: [tunnel/a] }"),
  moved: top("moved: [{ from: tunnel/old, to: tunnel/a }]"),
  probes: top("probes: [{ name: p, type: ping, target: 10.0.0.1, via: a }]"),
  "probe.direct": top("probes: [{ name: p, type: ping, target: 10.0.0.1, via: direct }]"),
  reconcile: top("reconcile: { quiet: 1 }"),
  conflicts: top("conflicts: { /link/a/mtuBytes: yield }"),
  "conflicts.adopt": top("conflicts: { /link/a/device: adopt }"),
  captivePortal: top("captivePortal: {}"),
  api: top("api: { group: net }"),
  fleet: top("fleet: { source: git@example, publicKeys: [k] }"),
};

/** What the service manager or the extension's helper of a host decides, not the table. */
const JUDGED_BY_HOST: ReadonlySet<Feature> = new Set<Feature>(["service", "systemExtension", "killSwitch.atBoot"]);

/** The one refusal that a plan finds in the routes of a Mac, and not in a key. */
const BY_ROUTES = "macOS routes by destination only";

/** A Mac as its host describes itself. */
const MAC = { os: "darwin", resolver: "dynamic-store" } as const;

describe.each(FEATURES)("%s", (feature) => {
  const places = () =>
    reservedKeysUsed(configOf(USES[feature]))
      .filter((use) => use.feature === feature)
      .map(({ path }) => path);

  test("is used by its sample", () => {
    expect(places().length).toBeGreaterThan(0);
  });

  const systems = JUDGED_BY_HOST.has(feature) ? [] : (["linux", "darwin"] as const);
  test.each(systems)("law 9: a plan on %s refuses it exactly where the table says so", (os) => {
    const { unsupported } = expandText(USES[feature], os === "darwin" ? MAC : {});
    const isRefused = unsupported.some(({ path }) => places().includes(path));
    const usedThere = reservedKeysUsed(configOf(USES[feature])).filter(({ path }) => places().includes(path));
    expect(isRefused).toBe(usedThere.some((use) => refusalOf(use.feature, os) !== undefined));
  });

  test.each(systems)("law 9: validate on %s warns of what a plan refuses, in the same words", (os) => {
    const { unsupported } = expandText(USES[feature], os === "darwin" ? MAC : {});
    const { problems } = loadConfig([{ name: "a.yaml", text: sampleConfig(USES[feature]) }], { refusedOn: os });
    const warned = problems.filter(({ id }) => id === "refused-by-plan").map(({ message }) => message);
    const refused = unsupported.map(({ path, message }) => `${path}: ${message}`);
    expect(warned.toSorted()).toEqual(refused.filter((line) => !line.includes(BY_ROUTES)).toSorted());
  });
});
