import { readFileSync } from "node:fs";
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { isNoiseTunnel } from "../../src/config/config.ts";
import { loadConfig } from "../../src/config/load-config.ts";
import { type Imported, importConf } from "../../src/interchange/import-config.ts";
import { THIRD_PEER_KEY } from "../support/config.ts";
import { facts } from "../support/facts.ts";
import { checkProperty } from "../support/seeded.ts";

const PRIVATE = "0Kh9rIuds+SCV+CVWEySUqFtt94Ie0UW0tnYlBBTH2w=";
const PEER = "cnYlvDj/DHWpzeBGlCJNLo4EOaBNHj0A9xYv9h2XaDo=";
const OTHER = THIRD_PEER_KEY;
const PSK = "54K4F7QrtjavH33tlW1e6jukHpHiaGjj6LZpKsiSqno=";

const read = (text: string, name = "wg0.conf"): Imported =>
  importConf(text, { source: name, secretsDir: "/etc/awg", bootstrap: ["192.0.2.53"] });

/** The lines of an [Interface] and of one [Peer] around what a test is about. */
const conf = (own: string, peer = "AllowedIPs = 0.0.0.0/0, ::/0\nEndpoint = 192.0.2.1:51820"): string =>
  `[Interface]\nPrivateKey = ${PRIVATE}\n${own}\n[Peer]\nPublicKey = ${PEER}\n${peer}\n`;

function configOf(imported: Imported) {
  expect(imported.findings.filter(({ severity }) => severity === "error")).toEqual([]);
  const { config, problems } = loadConfig([{ name: "imported.yaml", text: imported.text }]);
  expect(problems.filter(({ severity }) => severity === "error")).toEqual([]);
  if (config === undefined) throw new Error("not loaded");
  return config;
}

function tunnelOf(imported: Imported, key = "wg0") {
  const tunnel = configOf(imported).tunnels[key];
  if (!isNoiseTunnel(tunnel)) throw new Error(`no tunnel ${key}`);
  return tunnel;
}

describe("a conf of wg-quick", () => {
  test("every key that has a meaning for awg arrives", () => {
    const text = conf(
      "Address = 10.8.0.2/24, fd00:8::2\nAddress=10.9.0.2/32\nlistenport = 51820 # where\nMTU = 1380\n",
      `presharedkey=${PSK}\nAllowedIPs = 10.0.0.5/8\nAllowedIPs = , fd00::/16 ,\nEndpoint = [2001:DB8::1]:443\nPersistentKeepalive = 25`,
    );
    const imported = read(text);
    expect(tunnelOf(imported)).toMatchObject({
      protocol: "wireguard",
      privateKey: { file: "/etc/awg/wg0.key" },
      addresses: ["10.8.0.2/24", "fd00:8::2/128", "10.9.0.2/32"],
      listenPort: 51820,
      mtu: 1380,
      peers: [
        {
          publicKey: PEER,
          presharedKey: { file: "/etc/awg/wg0.peer1.psk" },
          allowedIPs: ["10.0.0.0/8", "fd00::/16"],
          endpoint: { host: "2001:db8::1", port: 443 },
          persistentKeepalive: [25, 25],
        },
      ],
    });
    expect(imported.secrets).toEqual(
      expect.arrayContaining([
        { path: "/etc/awg/wg0.key", value: PRIVATE },
        { path: "/etc/awg/wg0.peer1.psk", value: PSK },
      ]),
    );
  });

  test("a + before a prefix adds it, as wg since 1.0.20250521 takes it", () => {
    const { peers } = tunnelOf(read(conf("", "AllowedIPs = 10.0.0.5/24, +10.3.0.0/16, +fd00::/8")));
    expect(peers).toMatchObject([{ allowedIPs: ["10.0.0.0/24", "10.3.0.0/16", "fd00::/8"] }]);
  });

  test("all traffic: the tunnel is the default, and the kill switch is stated", () => {
    const config = configOf(read(conf("DNS = 10.8.0.1")));
    expect(config.default).toEqual({ via: { kind: "tunnel", tunnel: "wg0" }, fallback: { kind: "block" } });
    expect(config.killSwitch).toMatchObject({ enabled: true, allowLan: true });
    expect(config.rules).toEqual([]);
    expect(config.dns).toMatchObject({ servers: ["10.8.0.1"], via: { kind: "tunnel", tunnel: "wg0" } });
  });

  test("two halves of the address space are all of it", () => {
    const config = configOf(read(conf("", "AllowedIPs = 0.0.0.0/1, 128.0.0.0/1\nEndpoint = 192.0.2.1:51820")));
    expect(config.default.via).toEqual({ kind: "tunnel", tunnel: "wg0" });
  });

  test("an endpoint that is a name gets servers to be asked, and says so", () => {
    const imported = read(conf("", "AllowedIPs = 0.0.0.0/0,::/0\nEndpoint = vpn.example.com:51820"));
    expect(configOf(imported).dns).toMatchObject({ bootstrap: ["192.0.2.53"], leakProtection: false });
    expect(imported.findings).toContainEqual(expect.objectContaining({ severity: "note", place: "wg0.conf:7" }));
  });

  test("part of the traffic: rules lead there, all else is direct, and DNS takes the path that reaches it", () => {
    const peer = "AllowedIPs = 10.0.0.0/8, 192.0.2.0/24\nEndpoint = 198.51.100.1:51820";
    const inside = configOf(read(conf("DNS = 10.1.1.1", peer)));
    expect(inside.default.via).toEqual({ kind: "direct" });
    expect(inside.killSwitch.enabled).toBe(false);
    expect(inside.rules).toMatchObject([
      {
        destinations: [
          { kind: "prefix", prefix: "10.0.0.0/8" },
          { kind: "prefix", prefix: "192.0.2.0/24" },
        ],
        via: { kind: "tunnel", tunnel: "wg0" },
      },
    ]);
    expect(inside.dns?.via).toEqual({ kind: "tunnel", tunnel: "wg0" });
    expect(configOf(read(conf("DNS = 9.9.9.9", peer))).dns?.via).toEqual({ kind: "direct" });
    const mixed = read(conf("DNS = 10.1.1.1, 9.9.9.9", peer));
    expect(configOf(mixed).dns?.servers).toEqual(["10.1.1.1"]);
    expect(mixed.findings).toContainEqual(expect.objectContaining({ place: "wg0.conf:3", severity: "note" }));
  });

  test.each(["off", "51820", "0x100"])("Table = %s adds no rules", (table) => {
    const config = configOf(read(conf(`Table = ${table}`)));
    expect([config.default.via.kind, config.rules]).toEqual(["direct", []]);
  });

  test.each([
    ["PostUp = /bin/true", "PostUp is not imported: awg runs no scripts"],
    [
      "PostUp = iptables -A FORWARD -i %i -j ACCEPT; iptables -t nat -A POSTROUTING -o eth0 -j MASQUERADE",
      "PostUp is not imported: it forwards packets and masquerades, and awg cannot do that yet",
    ],
    [
      "PostUp = iptables -I OUTPUT ! -o %i -m mark ! --mark $(wg show %i fwmark) -m addrtype ! --dst-type LOCAL -j REJECT",
      "PostUp was a kill switch; killSwitch in the config replaces it",
    ],
    ["PreDown = /bin/true", "PreDown is not imported: awg runs no scripts"],
    ["SaveConfig = true", "SaveConfig is not imported: awg never rewrites its configuration"],
    ["FwMark = 0xca6c", "FwMark is not imported: awg marks a tunnel's own packets itself"],
    ["Table = 1234", "Table is not imported: awg uses a table of its own, and no path uses the tunnel yet"],
    ["Table = off", "Table = off is kept: no path uses the tunnel yet"],
    ["DNS = corp.example", "the search domain corp.example is not imported: there is no DNS server beside it"],
    ["DNS = 10.8.0.1, corp..example", "the search domain corp..example is not imported: it is not a domain name"],
    ["ListenPort = 1\nListenPort = 2", "this ListenPort is replaced by a later one"],
  ])("says by line what is not taken over: %s", (line, message) => {
    expect(read(conf(line)).findings).toContainEqual(
      expect.objectContaining({ severity: "note", place: "wg0.conf:3", message }),
    );
  });

  test("search domains beside servers arrive", () => {
    const imported = read(conf("DNS = 10.8.0.1, corp.example, lan.example"));
    expect(imported.text).toContain("    - corp.example\n    - lan.example\n");
    expect(imported.findings.map(({ message }) => message)).toEqual([]);
  });

  test("the script that removes a kill switch is not needed", () => {
    const rule = "iptables -D OUTPUT ! -o %i -m mark ! --mark $(wg show %i fwmark) -j REJECT";
    const imported = read(conf(`PostUp = ${rule.replace("-D", "-I")}\nPreDown = ${rule}\nDNS = 10.8.0.1`));
    expect(imported.findings.map(({ message }) => message)).toEqual([
      "PostUp was a kill switch; killSwitch in the config replaces it",
      "PreDown is not imported: it undoes what PostUp or PreUp did",
    ]);
    expect(imported.text).toContain("# It replaces the kill switch in PostUp of wg-quick");
  });

  test("a full tunnel without DNS is reported, and its comments say what happens", () => {
    const { findings, text } = read(conf(""));
    expect(findings.map(({ message }) => message)).toEqual([
      "no DNS server is imported: name queries go to the local link's servers, outside the tunnel",
    ]);
    expect(text).toContain(
      "# allowLan: hosts on the local link stay reachable; private addresses behind the router go",
    );
    expect(text).toContain("# No DNS server is set");
    expect(read(conf("DNS = 10.8.0.1")).text).toContain("# Name queries go to dns.servers only.");
    expect(text).not.toContain("FILE");
  });

  test("a split tunnel says that routes alone drop its packets while it is down", () => {
    const { text } = read(conf("", "AllowedIPs = 10.0.0.0/8\nEndpoint = 192.0.2.1:51820"));
    expect(text).toContain(
      [
        "# The peers' allowedIPs use the tunnel, as in wg-quick. Only awg's routes drop them while it is down.",
        "# killSwitch: { enabled: true } drops them also if another program removes the routes.",
      ].join("\n"),
    );
  });

  test("a split tunnel with DNS inside asks for its endpoint's name outside", () => {
    const peer = "AllowedIPs = 10.0.0.0/8\nEndpoint = vpn.example.com:51820";
    expect(configOf(read(conf("DNS = 10.1.1.1", peer))).dns).toMatchObject({ bootstrap: ["192.0.2.53"] });
    expect(configOf(read(conf("DNS = 9.9.9.9", peer))).dns?.bootstrap).toEqual([]);
  });

  test.each([
    ["# alice phone\n[Peer]\n", "alice phone"],
    ["[Peer] # bob\n", "bob"],
    ["[Peer]\n# Name = carol\n", "carol"],
    ["### begin dave ###\n[Peer]\n", "dave"],
    ["### Client erin\n[Peer]\n", "erin"],
    ["[Peer]\n# CH-FREE#1\n", "CH-FREE#1"],
    ["# heading\n\n[Peer]\n", undefined],
    ["[Peer]\n# PresharedKey = 54K4F7QrtjavH33tlW1e6jukHpHiaGjj6LZpKsiSqno=\n", undefined],
    ["[Peer]\n# Endpoint = 192.0.2.1:1\n", undefined],
  ])("the name of a peer in %j is %s", (head, name) => {
    const text = conf("DNS = 10.8.0.1").replace("[Peer]\n", head);
    expect(tunnelOf(read(text))).toMatchObject({ peers: [name === undefined ? { publicKey: PEER } : { name }] });
    if (name === undefined) expect(read(text).text).not.toContain("- name");
  });

  test.each(["Table = auto", "SaveConfig = false", "FwMark = off", "FwMark = 0"])("says nothing of %s", (line) => {
    expect(read(conf(`${line}\nDNS = 10.8.0.1`)).findings).toEqual([]);
  });
});

describe("a conf of awg-quick", () => {
  test("every parameter of 1.5 arrives", () => {
    const text = conf(
      "jc = 4\nJMIN = 40\nJmax=70\nS1=15\nS2=80\nH1=11\nH2=12\nH3=13\nH4=14\nI1=<b 0xc0ff>\nJ1=<r 8>\nItime = 60",
    );
    expect(tunnelOf(read(text))).toMatchObject({
      protocol: "amneziawg",
      obfuscation: {
        version: "1.5",
        ...{ jc: 4, jmin: 40, jmax: 70, s1: 15, s2: 80, h1: [11, 11], h4: [14, 14] },
        ...{ i1: "<b 0xc0ff>", j1: "<r 8>", itime: [60, 60] },
      },
    });
  });

  test("empty packets, as the Amnezia client writes them, are none", () => {
    const { obfuscation } = tunnelOf(read(conf("Jc = 4\nJmin = 8\nJmax = 80\nI1 =\nI2 = ")));
    expect(obfuscation).toMatchObject({ jc: 4 });
    expect(obfuscation).not.toHaveProperty("i1");
  });

  test("a recorded conf of 3.1 arrives whole", () => {
    const imported = read(readFileSync(facts("amneziawg/confs/awg31-client.conf"), "utf8"), "client.conf");
    expect(tunnelOf(imported, "client")).toMatchObject({
      obfuscation: {
        version: "3.1",
        ...{ jc: 5, jmin: 10, jmax: 50, s1: 85, s2: 61, s3: 37, s4: 12, h1: [1257855053, 1257855153], h4: [4, 4] },
        headerProtectionKey: { file: "/etc/awg/client.mask.key" },
        ...{ contentPaddingAddition: [10, 100], rekeyAfterTime: [100, 120], maxHandshakeAttempts: [15, 20] },
        ...{ randomTrailers: true, disableCookies: true, i2: "<t><rc 4> <rd 3>" },
      },
      peers: [{ persistentKeepalive: [22, 30] }],
    });
  });
});

describe("law 7: a conf that is wrong is refused whole, with its line", () => {
  test.each<[string, string, number, RegExp]>([
    ["a misspelt key", conf("Adress = 10.0.0.2/32"), 3, /"Adress".*/],
    ["a key of the other section", conf("Endpoint = 192.0.2.1:1"), 3, /unknown key "Endpoint" in \[Interface\]/],
    ["a line without =", conf("Address 10.0.0.2"), 3, /not Key = value/],
    ["a key in front", `Jc = 4\n${conf("")}`, 1, /precedes all sections/],
    ["another section", `${conf("")}[Device]\n`, 8, /section "Device"/],
    ["no number", conf("ListenPort = many"), 3, /the value is a string/],
    ["a port too large", conf("ListenPort = 70000"), 3, /70000/],
    ["an absurd Jc", conf("Jc = 999999999999"), 3, /999999999999/],
    ["a header out of range", conf("H1 = 4294967296"), 3, /4294967296/],
    ["a prefix too long", conf("Address = 10.0.0.2/33"), 3, /10\.0\.0\.2\/33/],
    ["an endpoint without port", conf("", "AllowedIPs = 0.0.0.0/0\nEndpoint = vpn.example.com"), 7, /has no port/],
    ["a prefix to take away", conf("", "AllowedIPs = 10.0.0.0/8, -10.3.0.0/16"), 6, /-10\.3\.0\.0\/16 removes/],
    ["one prefix twice", `${conf("")}[Peer]\nPublicKey = ${OTHER}\nAllowedIPs = ::/0\n`, 10, /also has ::\/0/],
    ["one key twice", `${conf("")}[Peer]\nPublicKey = ${PEER}\nAllowedIPs = 10.0.0.0/8\n`, 9, /the same public key/],
    ["a control character", conf("Address = 10.0.0.2\u0007"), 3, /control characters/],
    ["a line separator", conf("Address = 10.0.0.2\u2028"), 3, /control characters/],
    ["a huge line", conf(`I1 = ${"x".repeat(300_000)}`), 3, /300005 characters/],
    ["a public key that is none", conf("").replace(PEER, "tooshort"), 5, /PublicKey: the key has 8 characters/],
  ])("%s", (_what, text, line, message) => {
    const { findings, text: yaml, secrets } = read(text);
    expect(findings).toContainEqual(
      expect.objectContaining({
        severity: "error",
        place: `wg0.conf:${line}`,
        message: expect.stringMatching(message),
      }),
    );
    expect([yaml, secrets]).toEqual(["", []]);
    expect(findings.filter(({ severity, remedy }) => severity === "error" && remedy === "")).toEqual([]);
  });

  test.each([
    ["no private key", `[Interface]\n[Peer]\nPublicKey = ${PEER}\nAllowedIPs = 10.0.0.0/8\n`, "PrivateKey is missing"],
    ["no peer", `[Interface]\nPrivateKey = ${PRIVATE}\n`, "there is no [Peer]"],
    ["nothing", "", "it has no [Interface]"],
  ])("%s", (_what, text, message) => {
    expect(read(text).findings).toContainEqual(expect.objectContaining({ severity: "error", message }));
  });

  test("law 8: no finding shows a secret, wherever in the conf it is", () => {
    const lines = [PRIVATE, `PrivateKey ${PRIVATE}`, `PrivateKey = ${PRIVATE}x`, `PrivatKey = ${PRIVATE}`];
    for (const line of lines) {
      const said = JSON.stringify(read(conf(line)).findings);
      expect(said).not.toContain(PRIVATE.slice(0, 20));
      expect(read(conf(line)).findings.some(({ severity }) => severity === "error")).toBe(true);
    }
  });

  test("whatever is in it, the outcome is a finding or a valid configuration", () => {
    const word = fc.oneof(fc.string({ unit: "binary", maxLength: 20 }), fc.constantFrom("[Peer]", "H1", "=", "Jc = 4"));
    const lines = fc.array(
      fc.oneof(
        word,
        fc.tuple(word, word).map(([a, b]) => `${a} = ${b}`),
      ),
      { maxLength: 12 },
    );
    checkProperty(
      fc.property(lines, fc.boolean(), (noise, isInside) => {
        const imported = read(isInside ? conf(noise.join("\n")) : noise.join("\n"));
        if (imported.findings.some(({ severity }) => severity === "error")) expect(imported.text).toBe("");
        else configOf(imported);
      }),
      200,
    );
  });
});

test.each([
  ["/etc/wireguard/wg0.conf", "wg0"],
  ["-", "vpn"],
  ["My Laptop (home).conf", "my-laptop-home"],
  ["0.conf", "vpn"],
  ["direct.conf", "vpn"],
])("the tunnel of %s is called %s", (source, key) => {
  expect(Object.keys(configOf(read(conf(""), source)).tunnels)).toEqual([key]);
});
