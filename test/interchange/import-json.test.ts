import { describe, expect, test } from "vitest";
import { loadConfig } from "../../src/config/load-config.ts";
import { importAmnezia } from "../../src/interchange/amnezia/amnezia-link.ts";
import type { Imported } from "../../src/interchange/import-config.ts";
import { importAwgJson } from "../../src/interchange/json/awg-json.ts";
import { importSingBox } from "../../src/interchange/sing-box/sing-box.ts";

const PRIVATE = "0Kh9rIuds+SCV+CVWEySUqFtt94Ie0UW0tnYlBBTH2w=";
const PSK = "54K4F7QrtjavH33tlW1e6jukHpHiaGjj6LZpKsiSqno=";
const PEER = "cnYlvDj/DHWpzeBGlCJNLo4EOaBNHj0A9xYv9h2XaDo=";
const options = { source: "x", secretsDir: "/etc/awg/", bootstrap: ["192.0.2.53"] };

function configOf(imported: Imported) {
  expect(imported.findings.filter(({ severity }) => severity === "error")).toEqual([]);
  const { config } = loadConfig([{ name: "imported.yaml", text: imported.text }]);
  if (config === undefined) throw new Error("not loaded");
  for (const secret of [PRIVATE, PSK, "hunter2"]) expect(imported.text).not.toContain(secret);
  return config;
}

const CONF = `[Interface]\r\nAddress = 10.8.1.2/32\r\nDNS = $PRIMARY_DNS, $SECONDARY_DNS\r\nPrivateKey = ${PRIVATE}
Jc = 4\nJmin = 10\nJmax = 50\nS1 = 108\nS2 = 18\nH1 = 11\nH2 = 12\nH3 = 13\nH4 = 14\nI1 = \n
[Peer]\nPublicKey = ${PEER}\nPresharedKey = ${PSK}\nAllowedIPs = 0.0.0.0/0, ::/0\nEndpoint = 192.0.2.1:4443\nPersistentKeepalive = 25\n`;
const FIELDS = {
  ...{ H1: "11", H2: "12", H3: "13", H4: "14", Jc: "4", Jmin: "10", Jmax: "50", S1: "108", S2: "18", I1: "" },
  ...{ allowed_ips: ["0.0.0.0/0", "::/0"], client_ip: "10.8.1.2", client_priv_key: PRIVATE, psk_key: PSK },
  ...{ hostName: "192.0.2.1", mtu: "1376", persistent_keep_alive: "25", port: 4443, server_pub_key: PEER },
};
const link = (lastConfig: unknown, more: object = {}) => ({
  containers: [
    { container: "amnezia-openvpn", openvpn: { last_config: "{}" } },
    { container: "amnezia-awg", awg: { last_config: lastConfig, port: "4443", transport_proto: "udp" } },
  ],
  ...{
    defaultContainer: "amnezia-awg",
    description: "Home Server",
    dns1: "1.1.1.1",
    dns2: "1.0.0.1",
    hostName: "192.0.2.1",
  },
  ...more,
});

describe("what a vpn:// link holds", () => {
  const expected = {
    protocol: "amneziawg",
    privateKey: { file: "/etc/awg/home-server.key" },
    addresses: ["10.8.1.2/32"],
    mtu: 1376,
    obfuscation: { jc: 4, jmin: 10, jmax: 50, s1: 108, s2: 18, h1: [11, 11], h4: [14, 14] },
    peers: [
      {
        publicKey: PEER,
        presharedKey: { file: "/etc/awg/home-server.peer1.psk" },
        allowedIPs: ["0.0.0.0/0", "::/0"],
        endpoint: { host: "192.0.2.1", port: 4443 },
        persistentKeepalive: [25, 25],
      },
    ],
  };

  test.each([
    ["the conf in last_config", link(JSON.stringify({ ...FIELDS, config: CONF }))],
    ["last_config not packed in a text", link({ ...FIELDS, config: CONF })],
    ["its fields alone", link(JSON.stringify(FIELDS))],
  ])("%s", (_what, document) => {
    const config = configOf(importAmnezia(document, options));
    expect(config.tunnels["home-server"]).toMatchObject(expected);
    expect(config.default.via).toEqual({ kind: "tunnel", tunnel: "home-server" });
  });

  test("the servers that the client would put in are asked through the tunnel", () => {
    const config = configOf(importAmnezia(link(JSON.stringify({ config: CONF })), options));
    expect(config.dns).toMatchObject({ servers: ["1.1.1.1", "1.0.0.1"], via: { kind: "tunnel" } });
    const none = link(JSON.stringify({ config: CONF }), { dns1: "evil\nPostUp = x", dns2: 7 });
    expect(configOf(importAmnezia(none, options)).dns).toBeUndefined();
  });

  test("the app goes by the fields beside the conf, which its settings change and the conf does not follow", () => {
    const document = link(JSON.stringify({ ...FIELDS, Jc: "6", I1: "<r 2>", S3: "20", config: CONF }));
    const imported = importAmnezia(document, options);
    expect(configOf(imported).tunnels["home-server"]).toMatchObject({ obfuscation: { jc: 6, jmin: 10, s3: 20 } });
    expect(imported.text).toContain("<r 2>");
    expect(imported.findings).toContainEqual(expect.objectContaining({ message: expect.stringContaining("Jc") }));
    expect(JSON.stringify(imported.findings)).not.toContain("Jmin");
  });

  test.each([
    ["switched on", true, "amneziawg"],
    ["switched off", false, "wireguard"],
  ])("junk for a plain WireGuard server, %s in the app", (_what, isObfuscationEnabled, protocol) => {
    const plain = CONF.replace(/^[JSHI][a-z0-9]+ = .*\n/gm, "");
    const off = { S1: "0", S2: "0", H1: "1", H2: "2", H3: "3", H4: "4" };
    const lastConfig = JSON.stringify({ ...FIELDS, ...off, I1: "<r 2>", isObfuscationEnabled, config: plain });
    const container = { container: "amnezia-wireguard", wireguard: { last_config: lastConfig } };
    const config = configOf(importAmnezia({ containers: [container], description: "x" }, options));
    expect(config.tunnels["x"]).toMatchObject({ protocol });
    if (isObfuscationEnabled) expect(config.tunnels["x"]).toMatchObject({ obfuscation: { jc: 4, jmin: 10, jmax: 50 } });
  });

  test("access to the server itself is not taken over, and said", () => {
    const document = link(JSON.stringify({ config: CONF }), { userName: "root", password: "hunter2", port: 22 });
    const imported = importAmnezia(document, options);
    configOf(imported);
    expect(imported.findings).toContainEqual(expect.objectContaining({ message: expect.stringContaining("userName") }));
    expect(JSON.stringify(imported.findings)).not.toContain("hunter2");
  });

  test.each([
    ["no container", { containers: [] }],
    ["a key of the service alone", { containers: "x", api_key: PRIVATE }],
    ["a field with another line in it", link(JSON.stringify({ ...FIELDS, client_priv_key: `${PRIVATE}\nPostUp = x` }))],
    ["a conf that is none", link(JSON.stringify({ config: "client\ndev tun" }))],
  ])("%s is refused", (_what, document) => {
    const { findings, text } = importAmnezia(document, options);
    expect([text, findings.some(({ severity }) => severity === "error")]).toEqual(["", true]);
    expect(JSON.stringify(findings)).not.toContain(PRIVATE);
  });
});

test("sing-box: keys that are not there are named as sing-box spells them", () => {
  const { findings } = importSingBox({ outbounds: [{ type: "wireguard" }] }, options);
  const errors = findings.filter(({ severity }) => severity === "error");
  expect(errors.map(({ place, message }) => `${place}: ${message}`)).toEqual([
    "x: outbounds[0]: private_key is missing",
    "x: outbounds[0]: peer_public_key is missing",
  ]);
});

test.each([
  ["private_key", { private_key: "short", peer_public_key: PEER }, "outbounds[0].private_key"],
  ["peer_public_key", { private_key: PRIVATE, peer_public_key: "short" }, "outbounds[0].peer_public_key"],
  [
    "public_key of a peer",
    { private_key: PRIVATE, peers: [{ public_key: "short", allowed_ips: ["10.0.0.0/8"] }] },
    "outbounds[0].peers[0].public_key",
  ],
  [
    "pre_shared_key",
    { private_key: PRIVATE, peer_public_key: PEER, pre_shared_key: "short" },
    "outbounds[0].pre_shared_key",
  ],
])("sing-box: a bad %s is named as sing-box spells it", (_name, keys, where) => {
  const { findings } = importSingBox({ outbounds: [{ type: "wireguard", ...keys }] }, options);
  const [error, ...more] = findings.filter(({ severity }) => severity === "error");
  expect(more).toEqual([]);
  expect(`${error?.place}: ${error?.message}`).toContain(`x: ${where}: the key `);
});

describe("sing-box", () => {
  const endpoint = {
    ...{
      type: "wireguard",
      tag: "Office VPN",
      mtu: 1408,
      address: ["10.0.0.2/32"],
      private_key: PRIVATE,
      listen_port: 0,
    },
    peers: [
      {
        ...{ address: "2001:db8::1", port: 51820, public_key: PEER, pre_shared_key: PSK },
        ...{ allowed_ips: ["0.0.0.0/0", "::/0"], persistent_keepalive_interval: 25, reserved: [0, 0, 0] },
      },
    ],
  };

  test("an endpoint, proxies and the final path arrive", () => {
    const document = {
      endpoints: [endpoint],
      outbounds: [
        { type: "direct", tag: "direct" },
        { type: "socks", tag: "s", server: "192.0.2.9", server_port: 1080, username: "me", password: "hunter2" },
        { type: "http", tag: "h", server: "192.0.2.8", server_port: 3128 },
      ],
      route: { final: "Office VPN" },
    };
    const imported = importSingBox(document, options);
    const config = configOf(imported);
    expect(config.tunnels).toMatchObject({
      "office-vpn": {
        protocol: "wireguard",
        mtu: 1408,
        peers: [{ endpoint: { host: "2001:db8::1", port: 51820 }, persistentKeepalive: [25, 25] }],
      },
      s: { protocol: "socks5", server: { host: "192.0.2.9", port: 1080 }, auth: { username: "me" } },
      h: { protocol: "http", server: { host: "192.0.2.8", port: 3128 } },
    });
    expect(config.default.via).toEqual({ kind: "tunnel", tunnel: "office-vpn" });
    expect(imported.secrets).toContainEqual({ path: "/etc/awg/s.password", value: "hunter2" });
    expect(imported.findings.map(({ message }) => message)).toEqual([expect.stringContaining("no DNS server")]);
    expect(imported.text).not.toContain("wg-quick");
  });

  const rules = [
    { ip_is_private: true, outbound: "direct" },
    { port: 25, action: "reject" },
    { ip_cidr: "198.51.100.0/24", network: "tcp", port_range: ["8000:8999"], outbound: "direct" },
    { user: ["bob"], user_id: [1001], outbound: "Office VPN" },
    { protocol: "dns", action: "hijack-dns" },
    { rule_set: ["streams"], outbound: "direct" },
    { domain: "www.corp.example", domain_suffix: [".example.com"], domain_keyword: "ads", outbound: "direct" },
    { process_name: "curl", process_path: ["/usr/bin/wget"], action: "reject" },
  ];
  const routed = (more: readonly object[] = []) => ({
    endpoints: [endpoint],
    outbounds: [{ type: "direct", tag: "direct" }],
    dns: {
      servers: [
        { tag: "lan", address: "192.168.1.1", detour: "direct" },
        { tag: "in", address: "tls://10.0.0.1", detour: "Office VPN" },
      ],
      final: "in",
    },
    route: { rules: [...rules, ...more], final: "Office VPN" },
  });

  test("rules and DNS arrive, and what does not is reported by its number", () => {
    const imported = importSingBox(routed(), options);
    const config = configOf(imported);
    expect(config.rules.map(({ via }) => via.kind)).toEqual([
      ...["direct", "block", "direct", "tunnel"],
      ...["direct", "block"],
    ]);
    expect(config.rules[1]).toMatchObject({ ports: [{ from: 25, to: 25 }] });
    expect(config.rules[2]).toMatchObject({ ports: [{ from: 8000, to: 8999 }], protocol: ["tcp"] });
    expect(config.rules[3]).toMatchObject({ users: ["bob", "1001"] });
    expect(imported.text).toContain("- domain: { exact: www.corp.example }\n");
    expect(imported.text).toContain("- domain: example.com\n");
    expect(imported.text).toContain("- domain: { keyword: ads }\n");
    expect(imported.text).toContain("apps:\n      - curl\n      - path: /usr/bin/wget\n    via: block\n");
    expect(config.dns).toMatchObject({ servers: ["10.0.0.1"], via: { kind: "tunnel", tunnel: "office-vpn" } });
    expect(imported.text).toContain("# All other traffic uses the tunnel");
    expect(imported.text).toContain("# The rules come first. allowLan: hosts on the local link stay reachable.\n");
    expect(imported.findings.map(({ place, message }) => `${place}: ${message}`)).toEqual([
      "x: route.rules[4]: the rule for DNS is not imported: the config's dns section replaces it",
      'x: route.rules[5]: the rule to "direct" is not imported: awg has no rules by "rule_set" yet; its traffic goes through office-vpn or by a later rule',
      "x: dns.servers[0]: this DNS server is not imported: awg uses dns.final only",
      "x: dns.servers[1]: 10.0.0.1 is asked by plain DNS through office-vpn: encrypted DNS is not imported",
    ]);
  });

  test("a block that cannot be imported is an error with its number and what would be open", () => {
    const { findings, text } = importSingBox(routed([{ rule_set: "ads", action: "reject" }]), options);
    expect(text).toBe("");
    const errors = findings.filter(({ severity }) => severity === "error");
    expect(errors.map(({ place, message }) => `${place}: ${message}`)).toEqual([
      'x: route.rules[8]: this block is not imported: awg has no rules by "rule_set" yet, and what it blocks would go through office-vpn',
    ]);
  });

  test("a path as a program's name is refused at its rule", () => {
    const { findings, text } = importSingBox(routed([{ process_name: "/usr/bin/curl", action: "reject" }]), options);
    expect(text).toBe("");
    expect(findings.filter(({ severity }) => severity === "error")).toEqual([
      expect.objectContaining({ place: "x: route.rules[8]", message: 'a program name has no "/"' }),
    ]);
  });

  test("the older outbound with a single peer takes everything", () => {
    const outbound = {
      ...{ type: "wireguard", tag: "wg", server: "192.0.2.1", server_port: 51820, local_address: "10.0.0.2/32" },
      ...{ private_key: PRIVATE, peer_public_key: PEER, reserved: [1, 2, 3] },
    };
    const imported = importSingBox({ outbounds: [outbound] }, options);
    expect(configOf(imported)).toMatchObject({
      tunnels: { wg: { peers: [{ publicKey: PEER, allowedIPs: ["0.0.0.0/0", "::/0"] }] } },
      default: { via: { kind: "tunnel", tunnel: "wg" } },
    });
    const messages = imported.findings.map(({ message }) => message);
    expect(messages).toEqual([expect.stringContaining("reserved"), expect.stringContaining("no DNS server")]);
  });

  test("--name names the only tunnel; of several, a note says that it is not used", () => {
    const others = [
      { type: "direct", tag: "direct" },
      { type: "selector", tag: "pick", outbounds: ["Office VPN"] },
    ];
    const named = { ...options, name: "zzz" };
    const only = importSingBox({ endpoints: [endpoint], outbounds: others }, named);
    expect(Object.keys(configOf(only).tunnels)).toEqual(["zzz"]);
    expect(only.secrets).toContainEqual({ path: "/etc/awg/zzz.key", value: PRIVATE });
    const proxy = { type: "http", tag: "h", server: "192.0.2.8", server_port: 3128 };
    const several = importSingBox({ endpoints: [endpoint], outbounds: [...others, proxy] }, named);
    expect(Object.keys(configOf(several).tunnels)).toEqual(["office-vpn", "h"]);
    expect(several.findings).toContainEqual(
      expect.objectContaining({ message: "--name is not used: it has several tunnels" }),
    );
  });

  const direct = { type: "direct", tag: "out" };
  const selector = { type: "selector", tag: "pick", outbounds: ["out", "Office VPN"], default: "Office VPN" };
  test.each<[string, object, string, string | undefined]>([
    ["block", { outbounds: [{ type: "block", tag: "b" }], route: { final: "b" } }, "block", undefined],
    ["direct", { outbounds: [direct], route: { final: "out" } }, "direct", undefined],
    ["a selector whose default is the tunnel", { outbounds: [selector, direct] }, "tunnel", undefined],
    ["a selector of selectors in a circle", { outbounds: [{ ...selector, default: "pick" }] }, "block", "dropped"],
    ["a selector of nothing", { outbounds: [{ type: "selector", tag: "s" }, { type: "direct" }] }, "block", "dropped"],
    ["a tag that nothing has", { outbounds: [direct], route: { final: "gone" } }, "block", 'route.final "gone"'],
    ["what is not imported", { outbounds: [{ type: "vless", tag: "v" }] }, "block", "the first outbound"],
    ["the fastest of several", { outbounds: [{ ...selector, type: "urltest" }] }, "block", "dropped"],
    ["nothing at all", {}, "direct", "no path uses the tunnel"],
  ])("what no rule selects goes by %s, never the open way unasked", (_name, rest, kind, said) => {
    const imported = importSingBox({ endpoints: [endpoint], ...rest }, options);
    expect(configOf(imported).default.via.kind).toBe(kind);
    const messages = imported.findings
      .map(({ message }) => message)
      .filter((text) => !/the type|no DNS server/.test(text));
    expect(messages).toEqual(said === undefined ? [] : [expect.stringContaining(said)]);
  });

  test("everything else is named", () => {
    const document = {
      ...{ log: { level: "info" }, inbounds: [{ type: "tun" }], endpoints: [{ ...endpoint, detour: "x" }] },
      outbounds: [
        { type: "vless", tag: "v", server: "192.0.2.1" },
        { type: "socks", version: "4", server: "192.0.2.1", server_port: 1 },
        { type: "http", server: "192.0.2.1", server_port: 1, tls: { enabled: true } },
      ],
      route: { rules: [{ outbound: "v" }], final: "v" },
    };
    const { findings } = importSingBox(document, options);
    const said = findings.map(({ message }) => message).join("\n");
    for (const word of ["log", "inbounds", "detour", "vless", "SOCKS", "TLS"]) expect(said).toContain(word);
  });

  test("wrong values are refused at their place", () => {
    const { findings } = importSingBox({ endpoints: [{ ...endpoint, mtu: 7 }] }, options);
    expect(findings).toContainEqual(
      expect.objectContaining({
        severity: "error",
        place: "x: endpoints[0].mtu",
        message: expect.stringContaining("7"),
      }),
    );
  });
});

describe("awg's own configuration as JSON", () => {
  const document = {
    apiVersion: "awg/v1",
    tunnels: {
      a: {
        ...{ protocol: "wireguard", privateKey: PRIVATE, addresses: ["10.0.0.2/32"] },
        peers: [
          { publicKey: PEER, presharedKey: { inline: PSK }, allowedIPs: ["10.0.0.0/8"], endpoint: "192.0.2.1:1" },
        ],
      },
    },
    rules: [{ destinations: ["10.0.0.0/8"], ports: 443, protocol: "tcp", via: "a" }],
    default: { via: "direct" },
    dns: { servers: ["10.0.0.1"], split: { "corp.example": ["10.0.0.53"] } },
  };

  test("is the same in YAML, its secrets in files", () => {
    const text = JSON.stringify(document);
    const imported = importAwgJson(text, document, options);
    const written = loadConfig([{ name: "x", text }]).config;
    expect(JSON.parse(JSON.stringify(configOf(imported)).replaceAll(/\{"file":"[^"]*"\}/g, "0"))).toEqual(
      JSON.parse(JSON.stringify(written).replaceAll(/\{"inline":"[^"]*"\}/g, "0")),
    );
    expect(imported.secrets).toEqual([
      { path: "/etc/awg/a.privateKey", value: PRIVATE },
      { path: "/etc/awg/a.peers.1.presharedKey", value: PSK },
    ]);
  });

  test("is refused with its own line where it is wrong", () => {
    const text = JSON.stringify({ ...document, default: { via: "nowhere" } }, undefined, 2);
    const { findings } = importAwgJson(text, JSON.parse(text), options);
    expect(findings).toContainEqual(
      expect.objectContaining({ severity: "error", place: expect.stringMatching(/^x:\d+:/) }),
    );
  });
});
