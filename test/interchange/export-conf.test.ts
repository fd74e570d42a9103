import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { type Config, isNoiseTunnel } from "../../src/config/config.ts";
import { loadConfig } from "../../src/config/load-config.ts";
import { importConf } from "../../src/interchange/import-config.ts";
import { exportJson } from "../../src/interchange/json/export-json.ts";
import { exportConf } from "../../src/interchange/wg-quick/export-conf.ts";
import type { SecretId, SecretRef } from "../../src/model/secret.ts";
import { expand } from "../../src/resources/expand.ts";
import { facts } from "../resources/sample.ts";
import { sampleConfig } from "../support/config.ts";
import { checkProperty } from "../support/seeded.ts";

const keyOf = (byte: number): string => Buffer.alloc(32, byte).toString("base64");
const OWN = keyOf(1);
const MASK = keyOf(2);
const PSK = keyOf(3);
/** What lies in the files that imported configurations refer to. */
const FILES: Readonly<Record<string, string>> = { "/s/t.key": OWN, "/s/t.mask.key": MASK };
const secretOf = (ref: SecretRef): string => ("file" in ref ? (FILES[ref.file] ?? PSK) : "none");

function importOf(text: string): { config: Config; notes: readonly string[] } {
  const options = { source: "t.conf", name: "t", secretsDir: "/s", bootstrap: ["192.0.2.53"] };
  const { text: yaml, findings } = importConf(text, options);
  const errors = findings.filter(({ severity }) => severity === "error");
  if (errors.length > 0) throw new Error(JSON.stringify(errors));
  return { config: configOf(yaml), notes: findings.map(({ message }) => message) };
}

function configOf(yaml: string): Config {
  const { config, problems } = loadConfig([{ name: "x", text: yaml }]);
  if (config === undefined) throw new Error(`${JSON.stringify(problems)}\n${yaml}`);
  return config;
}

function exportOf(config: Config, secret = secretOf) {
  const tunnel = config.tunnels["t"];
  if (!isNoiseTunnel(tunnel)) throw new Error("no tunnel t");
  return exportConf(config, { name: "t", tunnel, secret });
}

const meaning = (config: Config) =>
  expand(config, facts(), { pathNumbers: {}, secrets: (ref) => secretOf(ref) as SecretId });

const octet = fc.integer({ min: 1, max: 254 });
const prefix = fc
  .tuple(octet, octet, fc.integer({ min: 8, max: 32 }))
  .map(([a, b, length]) => `10.${a}.${b}.7/${length}`);
const padding = fc.constantFrom(12, 20, 40, 100);
const obfuscation = fc
  .record({
    Jc: fc.constantFrom("0", "4"),
    Jmin: fc.constant("40"),
    Jmax: fc.constantFrom("40", "70"),
    S1: padding.map(String),
    S2: fc.constantFrom("12", "30", "77"),
    S3: fc.constantFrom("14", "35"),
    S4: fc.constantFrom("13", "16"),
    H1: fc.constantFrom("5", "100-200"),
    H2: fc.constant("6"),
    H3: fc.constantFrom("7", "300-400"),
    H4: fc.constantFrom("8", "4294967295"),
    I1: fc.constantFrom("", "<b 0xc0ff><r 16>", "<r 2><t>"),
    HeaderProtectionKey: fc.constantFrom("", MASK),
    ContentPaddingAddition: fc.constantFrom("", "10-100"),
    RekeyAfterTime: fc.constantFrom("", "100-120", "90"),
    MaxHandshakeAttempts: fc.constantFrom("", "15-20"),
    RandomTrailers: fc.constantFrom("", "off"),
    DisableCookies: fc.constantFrom("", "on"),
  })
  .map((keys) => Object.entries(keys).filter(([, value]) => value !== ""));
const peer = fc.record({
  psk: fc.boolean(),
  allowed: fc.array(fc.oneof(prefix, fc.constantFrom("0.0.0.0/0", "::/0", "fd00:1::/32")), {
    minLength: 1,
    maxLength: 4,
  }),
  endpoint: fc.constantFrom("192.0.2.1:51820", "[2001:db8::1]:443", "vpn.example.com:1"),
  keepalive: fc.constantFrom("", "25", "off"),
});

/** Confs as people have them: no prefix of one peer again with another. */
const confs = fc
  .record({
    own: fc.array(fc.constantFrom("ListenPort = 51820", "MTU = 1380", "Table = off", "DNS = 10.9.9.9, fd00::53"), {
      maxLength: 3,
    }),
    addresses: fc.uniqueArray(fc.constantFrom("10.0.0.2/24", "fd00::2/64", "10.1.0.2"), { minLength: 1 }),
    obfuscation: fc.oneof(obfuscation, fc.constant<[string, string][]>([])),
    peers: fc.array(peer, { minLength: 1, maxLength: 3 }),
  })
  .map(({ own, addresses, obfuscation: keys, peers }) => {
    const taken = new Set<string>();
    const fresh = (list: readonly string[], index: number): string[] => {
      const kept = list.filter((one) => !taken.has(one.replace(/\d+\.7\//, "/")));
      for (const one of kept) taken.add(one.replace(/\d+\.7\//, "/"));
      return kept.length > 0 ? kept : [`172.16.${index}.0/24`];
    };
    return [
      ...["[Interface]", `PrivateKey = ${OWN}`, `Address = ${addresses.join(", ")}`, ...new Set(own)],
      ...keys.map(([key, value]) => `${key} = ${value}`),
      ...peers.flatMap(({ psk, allowed, endpoint, keepalive }, index) => [
        ...["[Peer]", `PublicKey = ${keyOf(10 + index)}`, `AllowedIPs = ${fresh(allowed, index).join(", ")}`],
        ...[`Endpoint = ${endpoint}`, ...(psk ? [`PresharedKey = ${PSK}`] : [])],
        ...(keepalive === "" ? [] : [`PersistentKeepalive = ${keepalive}`]),
      ]),
    ].join("\n");
  });

describe("conf → config → conf → config", () => {
  test("means the same on the machine, resource by resource", () => {
    let compared = 0;
    checkProperty(
      fc.property(confs, (conf) => {
        let first: Config;
        try {
          first = importOf(conf).config;
        } catch {
          return;
        }
        const again = importOf(exportOf(first).text).config;
        expect(again).toEqual(first);
        expect(meaning(again)).toEqual(meaning(first));
        compared += 1;
      }),
      150,
    );
    expect(compared, "most confs must be importable, or nothing was compared").toBeGreaterThan(75);
  });
});

const FULL = sampleConfig(`tunnels:
  t:
    protocol: amneziawg
    privateKey: { file: /s/t.key }
    addresses: [10.0.0.2/32, "fd00::2/128"]
    listenPort: 51820
    mtu: 1380
    obfuscation: { jc: 4, jmin: 40, jmax: 70, s1: 72, s2: 40, s3: 20, s4: 12, h1: 1000-2000, h2: 3000, h3: 4000, h4: 5000, i1: <r 2>, headerProtectionKey: { file: /s/t.mask.key }, randomTrailers: false, disableCookies: true, rekeyAfterTime: 100-120 }
    peers:
      - { name: server, publicKey: ${keyOf(9)}, presharedKey: { env: PSK }, endpoint: "[2001:db8::1]:443", allowedIPs: [0.0.0.0/0, "::/0"], persistentKeepalive: 22-30 }
default: { via: t }
killSwitch: { enabled: true }
dns: { servers: [10.0.0.1], via: t }
`);

describe("what a conf says of a configuration", () => {
  test("every key of a tunnel", () => {
    expect(exportOf(configOf(FULL)).text).toBe(`[Interface]
PrivateKey = ${OWN}
Address = 10.0.0.2/32, fd00::2/128
ListenPort = 51820
DNS = 10.0.0.1
MTU = 1380
Jc = 4
Jmin = 40
Jmax = 70
S1 = 72
S2 = 40
S3 = 20
S4 = 12
H1 = 1000-2000
H2 = 3000
H3 = 4000
H4 = 5000
I1 = <r 2>
HeaderProtectionKey = ${MASK}
RekeyAfterTime = 100-120
DisableCookies = on

# server
[Peer]
PublicKey = ${keyOf(9)}
PresharedKey = none
AllowedIPs = 0.0.0.0/0, ::/0
Endpoint = [2001:db8::1]:443
PersistentKeepalive = 22-30
`);
  });

  test.each<[string, string, string]>([
    ["the kill switch", "", "killSwitch"],
    ["a rule", "rules: [{ destinations: [10.0.0.0/8], via: direct }]\n", "rules.0"],
    ["a section", "service: { install: true }\n", "service"],
    ["IPv6 blocked", "ipv6: block\n", "ipv6"],
  ])("says that %s is not in it", (_what, more, place) => {
    expect(exportOf(configOf(FULL + more)).findings).toContainEqual(expect.objectContaining({ place }));
  });

  test("says that a default of block is not in it, which a conf would let pass", () => {
    const { findings } = exportOf(configOf(FULL.replace("default: { via: t }", "default: { via: block }")));
    expect(findings).toContainEqual(expect.objectContaining({ place: "default.via" }));
  });

  test("rules that send what the peers accept are routes; other rules make it Table = off", () => {
    const split = FULL.replace('[0.0.0.0/0, "::/0"]', "[10.0.0.0/8]").replace(
      "default: { via: t }",
      "default: { via: direct }",
    );
    const same = exportOf(configOf(`${split}rules: [{ destinations: [10.0.0.0/9, 10.128.0.0/9], via: t }]\n`));
    expect(same.text).not.toContain("Table");
    const less = exportOf(configOf(`${split}rules: [{ destinations: [10.0.0.0/9], via: t }]\n`));
    expect(less.text).toContain("\nTable = off\n");
    expect(less.findings).toContainEqual(expect.objectContaining({ place: "rules.0" }));
    const ports = exportOf(
      configOf(`${split}rules: [{ destinations: [10.0.0.0/8], ports: 443, protocol: tcp, via: t }]\n`),
    );
    expect(ports.text).toContain("\nTable = off\n");
  });

  test("no text of the configuration begins a line of its own", () => {
    const broken = configOf(FULL.replace("i1: <r 2>", 'i1: "<r\\n2>"'));
    expect(exportOf(broken).text).toContain("\nI1 = <r 2>\n");
  });

  test("law 8: without leave, no secret is read", () => {
    const { text, findings } = exportOf(configOf(FULL), () => "(secret)");
    for (const secret of [OWN, MASK, PSK]) expect(text + JSON.stringify(findings)).not.toContain(secret);
  });
});

describe("a configuration as JSON", () => {
  test("loads to the same, whatever files it was in", () => {
    const rules = "rules: [{ destinations: [10.0.0.0/8], via: direct }]\n";
    const text = exportJson(
      [
        { name: "a", text: FULL },
        { name: "b", text: rules },
      ],
      undefined,
    );
    expect(configOf(text)).toEqual(configOf(FULL + rules));
  });

  test("law 8: holds no secret, and keeps references", () => {
    const inline = FULL.replace("{ file: /s/t.key }", OWN).replace("{ env: PSK }", `{ inline: "${PSK}" }`);
    const text = exportJson([{ name: "a", text: inline }], undefined);
    for (const secret of [OWN, PSK]) expect(text).not.toContain(secret);
    expect(text).toContain('"file": "/s/t.mask.key"');
  });
});
