import { describe, expect, test } from "vitest";
import type { HostFacts } from "../../../src/host/ports/facts.ts";
import { ENGINE_MARK, tableOfPath } from "../../../src/model/ownership.ts";
import { endpointsOf } from "../../../src/resources/expand.ts";
import { capabilities, expandText, facts, KEY_A, KEY_B, resourceOf, secretOf } from "../sample.ts";

interface Written {
  readonly protocol?: string;
  readonly addresses?: string;
  readonly allowed?: string;
  readonly endpoint?: string;
  readonly more?: string;
  readonly top?: string;
}

/** One tunnel, written with what the test is about. */
function tunnel(written: Written = {}): string {
  const { protocol = "wireguard", addresses = "10.8.0.2/32, fd00:8::2/128", allowed = "0.0.0.0/0, ::/0" } = written;
  const { endpoint = "vpn.example.com:51820", more = "", top = "" } = written;
  const to = endpoint === "" ? "" : `endpoint: "${endpoint}", `;
  return `
tunnels:
  office:
    protocol: ${protocol}
    privateKey: { file: /etc/awg/office.key }
    addresses: [${addresses}]
    peers: [{ publicKey: ${KEY_A}, ${to}allowedIPs: [${allowed}] }]
    ${more}
default: { via: direct }
${top}`;
}

describe("the engine of a tunnel", () => {
  test("gets keys by their ids, our mark, and its peers in order of their keys", () => {
    const text = `
tunnels:
  office:
    protocol: wireguard
    privateKey: { file: /etc/awg/office.key }
    addresses: [10.8.0.2/32]
    listenPort: 4500
    peers:
      - { publicKey: ${KEY_B}, allowedIPs: [10.2.0.0/16] }
      - { publicKey: ${KEY_A}, presharedKey: { env: PSK }, endpoint: "192.0.2.1:443", allowedIPs: [10.1.0.0/16, 10.0.0.0/16], persistentKeepalive: 25s }
default: { via: direct }`;
    expect(resourceOf(expandText(text), "tunnel/office").spec).toEqual({
      device: "awg-office",
      protocol: "wireguard",
      engine: "embedded",
      privateKey: secretOf({ file: "/etc/awg/office.key" }),
      listenPort: 4500,
      fwmark: ENGINE_MARK,
      peers: [
        {
          publicKey: KEY_A,
          presharedKey: secretOf({ env: "PSK" }),
          endpoint: "192.0.2.1:443",
          allowedIPs: ["10.0.0.0/16", "10.1.0.0/16"],
          persistentKeepaliveSeconds: 25,
        },
        { publicKey: KEY_B, allowedIPs: ["10.2.0.0/16"], persistentKeepaliveSeconds: 0 },
      ],
      obfuscation: {},
    });
  });

  const KERNEL_ONLY = { kernelWireguard: true, userspaceWireguard: false };
  const KS = "killSwitch: { enabled: true }";

  test.each<[string, Written, Partial<HostFacts["capabilities"]>, "userspace" | "kernel" | "embedded", string[]]>([
    ["auto is awg's own, also where wireguard-go is installed", {}, {}, "embedded", []],
    ["auto is never the kernel's", {}, { kernelWireguard: true }, "embedded", []],
    ["auto is awg's own where no program is installed", {}, KERNEL_ONLY, "embedded", []],
    ["under a kill switch too (S12.7)", { top: KS }, KERNEL_ONLY, "embedded", []],
    ["and for AmneziaWG", { protocol: "amneziawg" }, { userspaceAmneziawg: true }, "embedded", []],
    ["embedded as asked for", { more: "engine: embedded" }, {}, "embedded", []],
    [
      "embedded without TUN devices",
      { more: "engine: embedded" },
      { tun: false },
      "embedded",
      ["tunnels.office.engine"],
    ],
    [
      "kernel, which is not implemented yet",
      { more: "engine: kernel" },
      { kernelWireguard: true },
      "kernel",
      ["tunnels.office.engine"],
    ],
    ["userspace as asked for", { more: "engine: userspace" }, {}, "userspace", []],
    [
      "userspace without the program",
      { more: "engine: userspace" },
      { userspaceWireguard: false },
      "userspace",
      ["tunnels.office.engine"],
    ],
    [
      "userspace without TUN devices",
      { more: "engine: userspace" },
      { tun: false },
      "userspace",
      ["tunnels.office.engine"],
    ],
  ])("%s", (_name, written, able, engine, unsupported) => {
    const expansion = expandText(tunnel(written), capabilities(able));
    expect(resourceOf(expansion, "tunnel/office").spec.engine).toBe(engine);
    expect(resourceOf(expansion, "link/office").spec.type).toBe(engine === "kernel" ? "wireguard" : "tun");
    expect(expansion.unsupported.map(({ path }) => path)).toEqual(unsupported);
  });
});

describe("endpoints", () => {
  const names = (...addresses: string[]) => ({ addresses: { "vpn.example.com": addresses } });
  const peerOf = (expansion: ReturnType<typeof expandText>) => resourceOf(expansion, "tunnel/office").spec.peers[0];
  const endpointOf = (expansion: ReturnType<typeof expandText>) => peerOf(expansion)?.endpoint;
  const pinned = (...endpoints: string[]) => ({ endpoints: { [`awg-office ${KEY_A}`]: endpoints } });
  const external = { more: "engine: userspace" };

  test("a name becomes its first address, which the kill switch pins, for an engine that takes one", () => {
    const config = tunnel({ top: "killSwitch: {}", ...external });
    const expansion = expandText(config, names("198.51.100.7", "198.51.100.8"));
    expect(peerOf(expansion)?.endpoints).toBeUndefined();
    expect(endpointOf(expansion)).toBe("198.51.100.7:51820");
    expect(resourceOf(expansion, "firewall/machine").spec.layers[0]?.endpoints).toEqual([
      { address: "198.51.100.7", port: 51_820, protocol: 17 },
    ]);
  });

  test("law 3: the address in use stays while the name has it, whatever the order of answers", () => {
    const previous = pinned("198.51.100.8:51820");
    expect(endpointOf(expandText(tunnel(), names("198.51.100.7", "198.51.100.8"), previous))).toBe(
      "198.51.100.8:51820",
    );
    expect(endpointOf(expandText(tunnel(), names("198.51.100.8", "198.51.100.7"), previous))).toBe(
      "198.51.100.8:51820",
    );
    expect(endpointOf(expandText(tunnel(), names("198.51.100.9"), previous))).toBe("198.51.100.9:51820");
  });

  test("the address in use also stays while the name does not resolve, but not for another port", () => {
    const { endpoints } = pinned("[2001:db8::5]:51820");
    const kept = expandText(tunnel(), { addresses: {} }, { endpoints });
    expect(endpointOf(kept)).toBe("[2001:db8::5]:51820");
    expect(kept.notes).toContainEqual({
      path: "tunnels.office.peers.0.endpoint",
      message: "cannot resolve vpn.example.com; the last endpoint [2001:db8::5]:51820 stays in use",
      isWarning: true,
    });
    expect(endpointOf(expandText(tunnel(), { addresses: {} }, pinned("198.51.100.8:443")))).toBeUndefined();
  });

  test("a name of mDNS is not to be resolved by other servers", () => {
    const { notes } = expandText(tunnel().replace("vpn.example.com", "nas.local"), { addresses: {} });
    const message =
      "cannot resolve nas.local; use its address, since awg does not query mDNS. The tunnel stays down until it resolves";
    expect(notes).toContainEqual({ path: "tunnels.office.peers.0.endpoint", message });
  });

  test("a name that does not resolve is noted with the servers that were asked", () => {
    const { notes } = expandText(tunnel({ top: "dns: { servers: [10.8.0.1], via: office, bootstrap: [9.9.9.9] }" }), {
      addresses: {},
    });
    const message =
      "cannot resolve vpn.example.com by 9.9.9.9; check spelling, network and dns.bootstrap. The tunnel stays down until it resolves";
    expect(notes).toContainEqual({ path: "tunnels.office.peers.0.endpoint", message });
  });

  test("what an expansion pinned can be read from its resources", () => {
    const { desired } = expandText(tunnel(), names("198.51.100.8"));
    expect(endpointsOf(desired.resources)).toEqual({ [`awg-office ${KEY_A}`]: ["198.51.100.8:51820"] });
  });

  test("an address of a family that has a route is preferred", () => {
    const four: Partial<HostFacts> = { uplinks: [{ family: 4, device: "eth0", metric: 1 }] };
    expect(endpointOf(expandText(tunnel(), { ...names("2001:db8::5", "198.51.100.7"), ...four }))).toBe(
      "198.51.100.7:51820",
    );
    expect(endpointOf(expandText(tunnel(), { ...names("2001:db8::5"), ...four }))).toBe("[2001:db8::5]:51820");
    expect(endpointOf(expandText(tunnel(), { ...names("2001:db8::5", "198.51.100.7"), uplinks: [] }))).toBe(
      "[2001:db8::5]:51820",
    );
  });

  describe("of a name with several", () => {
    const [four, other, six] = ["198.51.100.7", "198.51.100.8", "2001:db8::5"];
    const both: Partial<HostFacts> = {
      ...names(four, other, six),
      uplinks: [
        { family: 4, device: "eth0", metric: 1 },
        { family: 6, device: "eth0", metric: 1 },
      ],
    };
    const peer = `awg-office ${KEY_A}`;
    const texts = [`[${six}]:51820`, `${four}:51820`, `${other}:51820`] as const;
    const chosen = (unanswered: readonly string[], previous?: string) =>
      expandText(tunnel(external), both, {
        unanswered: { [peer]: unanswered },
        ...(previous === undefined ? {} : pinned(previous)),
      });

    test("all are given, in the order in which they are tried (RFC 8305 section 4)", () => {
      expect(chosen([]).alternatives).toEqual({ [peer]: texts });
      expect(expandText(tunnel({ endpoint: "192.0.2.1:1" })).alternatives).toBeUndefined();
    });

    test("the next is taken after one that did not answer, and at last the one that failed longest ago", () => {
      expect(endpointOf(chosen([]))).toBe(texts[0]);
      expect(endpointOf(chosen([texts[0]], texts[0]))).toBe(texts[1]);
      expect(endpointOf(chosen([texts[0], texts[1]], texts[1]))).toBe(texts[2]);
      expect(endpointOf(chosen([texts[1], texts[2], texts[0]], texts[0]))).toBe(texts[1]);
    });

    test("law 3: the one in use stays while it answers, whatever failed before it", () => {
      expect(endpointOf(chosen([texts[0]], texts[2]))).toBe(texts[2]);
    });

    test("A13: one of an IP version that the network lost is left for one that has a route, else kept", () => {
      const withUplinks = (families: readonly (4 | 6)[], used: string, unanswered: readonly string[] = []) => {
        const uplinks = families.map((family) => ({ family, device: "eth0", metric: 1 }));
        const history = { ...pinned(used), unanswered: { [peer]: unanswered } };
        return endpointOf(expandText(tunnel(external), { ...both, uplinks }, history));
      };
      expect(withUplinks([4], texts[0])).toBe(texts[1]);
      expect(withUplinks([6], texts[2])).toBe(texts[0]);
      expect(withUplinks([], texts[0])).toBe(texts[0]);
      expect(withUplinks([4], texts[0], [texts[1], texts[2]])).toBe(texts[0]);
    });
  });

  describe("of a name with several, for awg's own engine", () => {
    const reported = (addresses: readonly string[], ...previous: string[]) =>
      expandText(tunnel({ top: "killSwitch: {}" }), names(...addresses), pinned(...previous));
    const [one, two, three] = ["198.51.100.7", "198.51.100.8", "2001:db8::5"] as const;
    const [first, second, third] = [`${one}:51820`, `${two}:51820`, `[${three}]:51820`] as const;

    test("it gets all, and all are let out", () => {
      const expansion = reported([one, two, three]);
      expect(peerOf(expansion)).toMatchObject({ endpoint: third, endpoints: [third, first, second] });
      const granted = resourceOf(expansion, "firewall/machine").spec.layers[0]?.endpoints;
      expect(granted?.map(({ address }) => address)).toEqual([one, two, three]);
    });

    test("law 3: in the order of before, whatever the order of answers; what is new comes last", () => {
      expect(peerOf(reported([one, two], second, first))?.endpoints).toEqual([second, first]);
      expect(peerOf(reported([three, one, two], second, first))?.endpoints).toEqual([second, first, third]);
      expect(endpointsOf(reported([three, one], second, first).desired.resources)).toEqual(
        pinned(first, third).endpoints,
      );
    });

    test("law 3: what did not answer changes nothing, for the engine asks the others by itself", () => {
      const unanswered = { [`awg-office ${KEY_A}`]: [first] };
      const expansion = expandText(tunnel(), names(one, two), { ...pinned(first, second), unanswered });
      expect(peerOf(expansion)?.endpoints).toEqual([first, second]);
    });

    test("all of before stay while the name does not resolve, and no more than eight are given", () => {
      expect(peerOf(expandText(tunnel(), { addresses: {} }, pinned(first, third)))?.endpoints).toEqual([first, third]);
      const many = Array.from({ length: 20 }, (_, index) => `198.51.100.${index + 1}`);
      expect(peerOf(reported(many))?.endpoints).toHaveLength(8);
    });
  });

  test("a name that does not resolve leaves the tunnel down and says so; nothing is let out for it", () => {
    const expansion = expandText(tunnel({ top: "killSwitch: {}" }), { addresses: {} });
    expect(endpointOf(expansion)).toBeUndefined();
    expect(expansion.notes.map(({ path }) => path)).toContain("tunnels.office.peers.0.endpoint");
    expect(Object.values(expansion.unresolved ?? {})).toEqual(["vpn.example.com"]);
    expect(resourceOf(expansion, "firewall/machine").spec.layers[0]?.endpoints).toEqual([]);
  });

  test("answers that are no addresses, and names like methods, count for nothing", () => {
    expect(endpointOf(expandText(tunnel(), names("not an address", "2001:DB8:0::5")))).toBe("[2001:db8::5]:51820");
    expect(
      endpointOf(expandText(tunnel({ endpoint: "constructor.example:1" }), names("198.51.100.7"))),
    ).toBeUndefined();
  });

  test("an address needs no name", () => {
    expect(endpointOf(expandText(tunnel({ endpoint: "[2001:db8::9]:443" }), { addresses: {} }))).toBe(
      "[2001:db8::9]:443",
    );
  });

  test.each([
    ["a port for peers that dial in", { endpoint: "", more: "listenPort: 51820" }, [{ port: 51_820 }]],
    ["no port, nothing to listen on", { endpoint: "" }, []],
    ["a chosen port of a tunnel that only dials out", { more: "listenPort: 51820" }, []],
  ] as const)("listening: %s", (_name, written, listens) => {
    const expansion = expandText(tunnel({ ...written, top: "killSwitch: {}" }));
    expect(resourceOf(expansion, "firewall/machine").spec.layers[0]?.listens).toEqual(listens);
  });
});

describe("the device of a tunnel", () => {
  const mtuOf = (text: string, overrides: Partial<HostFacts> = {}) =>
    resourceOf(expandText(text, overrides), "link/office").spec.mtuBytes;
  const devices = [
    { name: "eth0", mtuBytes: 1500 },
    { name: "wlan0", mtuBytes: 9000 },
    { name: "ppp0", mtuBytes: 1300 },
  ];

  test.each<[string, string, Partial<HostFacts>, number]>([
    ["of Ethernet", tunnel(), {}, 1420],
    ["as written", tunnel({ more: "mtu: 1380" }), {}, 1380],
    ["less AmneziaWG's s4", tunnel({ protocol: "amneziawg", more: "obfuscation: { s4: 16 }" }), {}, 1404],
    [
      "of the best uplink of the endpoint's family",
      tunnel(),
      {
        devices,
        uplinks: [
          { family: 4, device: "eth0", metric: 100 },
          { family: 4, device: "wlan0", metric: 50 },
          { family: 6, device: "ppp0", metric: 1 },
        ],
      },
      8920,
    ],
    [
      "of the way to the endpoint, where the machine tells it",
      tunnel({ endpoint: "192.0.2.9:1" }),
      { devices, pathMtuBytes: { "192.0.2.9": 1452 } },
      1372,
    ],
    ["never below what IPv6 needs", tunnel(), { devices, uplinks: [{ family: 4, device: "ppp0", metric: 1 }] }, 1280],
    ["of Ethernet while there is no way out", tunnel(), { devices: [], uplinks: [] }, 1420],
    [
      "of any uplink without an endpoint",
      tunnel({ endpoint: "", more: "listenPort: 1" }),
      { devices, uplinks: [{ family: 6, device: "wlan0", metric: 1 }] },
      8920,
    ],
  ])("mtu %s", (_name, text, overrides, mtuBytes) => {
    expect(mtuOf(text, overrides)).toBe(mtuBytes);
  });

  test("has its addresses in order, IPv4 first", () => {
    const text = tunnel({ addresses: "fd00:8::2/128, 10.8.0.20/32, 10.8.0.3/24" });
    expect(resourceOf(expandText(text), "link/office").spec).toEqual({
      device: "awg-office",
      type: "tun",
      addresses: ["10.8.0.3/24", "10.8.0.20/32", "fd00:8::2/128"],
      mtuBytes: 1420,
      tunnel: "office",
    });
  });

  test("ipv6: block takes IPv6 off it", () => {
    const expansion = expandText(tunnel({ top: "ipv6: block" }));
    expect(resourceOf(expansion, "link/office").spec.addresses).toEqual(["10.8.0.2/32"]);
    expect(resourceOf(expansion, "routes/office").spec.destinations).toEqual(["0.0.0.0/0"]);
    const policy = resourceOf(expansion, "firewall/machine").spec;
    expect(policy.layers[0]?.tunnels[0]).toMatchObject({ addresses: ["10.8.0.2"], families: [4] });
    expect(policy.steering.rules[0]).toEqual({
      origin: "ipv6",
      match: { destinations: ["::/0"] },
      path: { kind: "block" },
    });
  });
});

describe("the table of a tunnel", () => {
  test("holds what its peers take, each prefix once, in order, and both guards", () => {
    const text = `
tunnels:
  office:
    protocol: wireguard
    privateKey: { file: /k }
    addresses: [10.8.0.2/32, fd00:8::2/128]
    peers:
      - { publicKey: ${KEY_A}, allowedIPs: [192.168.0.0/16, "fd00::/8"] }
      - { publicKey: ${KEY_B}, allowedIPs: [10.0.0.0/8] }
default: { via: direct }`;
    expect(resourceOf(expandText(text), "routes/office").spec).toEqual({
      table: tableOfPath(1),
      device: "awg-office",
      destinations: ["10.0.0.0/8", "192.168.0.0/16", "fd00::/8"],
      guards: [4, 6],
      rules: [],
    });
  });

  test.each([
    ["both families", "10.8.0.2/32, fd00:8::2/128", "0.0.0.0/0, ::/0", [4, 6], []],
    ["no address of IPv6", "10.8.0.2/32", "0.0.0.0/0, ::/0", [4], ["does not carry IPv6"]],
    ["no prefix of IPv6", "10.8.0.2/32, fd00:8::2/128", "0.0.0.0/0", [4], []],
    ["IPv6 only", "fd00:8::2/128", "::/0", [6], []],
    ["nothing that fits", "10.8.0.2/32", "::/0", [], ["carries nothing"]],
  ] as const)("law 1: %s", (_name, addresses, allowed, families, said) => {
    const expansion = expandText(tunnel({ addresses, allowed }));
    const { destinations, guards } = resourceOf(expansion, "routes/office").spec;
    expect(guards).toEqual([4, 6]);
    expect(destinations).toEqual([
      ...(families.includes(4 as never) ? ["0.0.0.0/0"] : []),
      ...(families.includes(6 as never) ? ["::/0"] : []),
    ]);
    expect(resourceOf(expansion, "firewall/machine").spec.layers[0]?.tunnels[0]?.families).toEqual(families);
    const messages = expansion.notes.filter(({ path }) => path === "tunnels.office").map(({ message }) => message);
    expect(messages).toHaveLength(said.length);
    for (const [index, text] of said.entries()) expect(messages[index]).toContain(text);
  });

  test.each([
    ["the default", "default: { via: office }\nkillSwitch: { enabled: true }", true],
    [
      "a rule for an IPv6 prefix",
      'default: { via: direct }\nrules: [{ destinations: ["2001:db8::/32"], via: office }]',
      true,
    ],
    ["a rule for a port", "default: { via: direct }\nrules: [{ ports: [80], protocol: tcp, via: office }]", true],
    [
      "a rule for IPv4 prefixes",
      "default: { via: direct }\nrules: [{ destinations: [10.0.0.0/8], via: office }]",
      false,
    ],
  ])("IPv6 that it does not carry is worth a note for %s: %s", (_, flows, isNoted) => {
    const peer = `{ publicKey: ${KEY_A}, allowedIPs: [0.0.0.0/0] }`;
    const text = `
tunnels:
  office: { protocol: wireguard, privateKey: { file: /k }, addresses: [10.8.0.2/32], peers: [${peer}] }
${flows}`;
    const messages = expandText(text).notes.map(({ message }) => message);
    expect(messages.includes("does not carry IPv6: IPv6 traffic to it is dropped")).toBe(isNoted);
  });
});

describe("what the machine as a whole gets", () => {
  test("nothing at all from an empty configuration", () => {
    expect(expandText("default: { via: direct }")).toEqual({
      desired: { resources: [] },
      pathNumbers: {},
      notes: [],
      unsupported: [],
    });
  });

  test("settings of the kernel only beside a tunnel", () => {
    expect(Object.keys(resourceOf(expandText(tunnel()), "sysctl/machine").spec.values)).toEqual([
      "net.ipv4.conf.all.arp_ignore",
      "net.ipv4.conf.all.rp_filter",
      "net.ipv4.conf.all.src_valid_mark",
    ]);
    const alone = expandText("default: { via: block }\nkillSwitch: {}");
    expect(alone.desired.resources.map(({ key }) => key)).toEqual(["firewall/machine"]);
  });

  test("the resources of one tunnel", () => {
    const text = tunnel({ top: "dns: { servers: [10.8.0.1], via: office }" });
    expect(expandText(text).desired.resources.map(({ key }) => key)).toEqual([
      "firewall/machine",
      "sysctl/machine",
      "link/office",
      "tunnel/office",
      "routes/office",
      "routes/policy",
      "resolver/machine",
    ]);
  });

  test.each<[string, string, Partial<HostFacts>, object | undefined]>([
    ["a file", "via: office", {}, { method: "file", servers: ["10.8.0.1"], search: [], device: "" }],
    [
      "the tunnel's link",
      "via: office",
      { resolver: "resolved" },
      { method: "resolved", servers: ["10.8.0.1"], search: [], device: "awg-office" },
    ],
    [
      "the uplink",
      "via: direct",
      { resolver: "resolved" },
      { method: "resolved", servers: ["10.8.0.1"], search: [], device: "eth0" },
    ],
    ["no link there is", "via: direct", { resolver: "resolved", uplinks: [] }, undefined],
  ])("the resolver by %s", (_name, via, overrides, spec) => {
    const { desired } = expandText(tunnel({ top: `dns: { servers: [10.8.0.1], ${via} }` }), overrides);
    expect(desired.resources.find(({ kind }) => kind === "resolver")?.spec).toEqual(spec);
  });

  test("no nftables, no policy: refused, never passed over", () => {
    const { unsupported } = expandText(tunnel(), capabilities({ nftables: false }));
    expect(unsupported.map(({ path }) => path)).toEqual(["killSwitch"]);
  });

  test("the service user's uid is in the policy", () => {
    const expansion = expandText(tunnel(), { serviceUid: 77 });
    expect(resourceOf(expansion, "firewall/machine").spec.layers[0]?.serviceUid).toBe(77);
    expect(facts().serviceUid).not.toBe(77);
  });
});

describe("a stated interface name", () => {
  const STATED = tunnel({ more: "interface: wg0" });

  test("is the device of everything: link, engine, table, packet filter", () => {
    const expansion = expandText(STATED);
    expect(expansion.unsupported).toEqual([]);
    for (const key of ["link/office", "tunnel/office", "routes/office"] as const)
      expect(resourceOf(expansion, key).spec).toMatchObject({ device: "wg0" });
    expect(resourceOf(expansion, "firewall/machine").spec.layers[0]?.tunnels[0]?.device).toBe("wg0");
  });

  test("lasts as long as it is stated, and wins over the one a moved tunnel kept", () => {
    const device = (text: string, devices: Readonly<Record<string, string>>) =>
      resourceOf(expandText(text, {}, { devices }), "link/office").spec.device;
    expect(device(tunnel(), { office: "wg0" })).toBe("awg-office");
    expect(device(tunnel(), { office: "awg-old" })).toBe("awg-old");
    expect(device(STATED, { office: "awg-old" })).toBe("wg0");
  });

  test.each(["utun0", "utun9", "utun99999"])(
    "on macOS %s is a number, and the device keeps its name; elsewhere a name",
    (name) => {
      const text = tunnel({ more: `interface: ${name}` });
      const mac = expandText(text, { os: "darwin" });
      expect(mac.unsupported.map(({ path }) => path)).not.toContain("tunnels.office.interface");
      expect(resourceOf(mac, "link/office").spec).toMatchObject({ device: "awg-office", unit: Number(name.slice(4)) });
      expect(resourceOf(expandText(text), "link/office").spec).toMatchObject({ device: name });
      expect(resourceOf(expandText(text), "link/office").spec).not.toHaveProperty("unit");
    },
  );

  test.each(["wg0", "utun", "utun07", "utun100000", "en0"])(
    "macOS has no %s, and it is refused by its name",
    (name) => {
      const { unsupported } = expandText(tunnel({ more: `interface: ${name}` }), { os: "darwin" });
      const refusal = unsupported.find(({ path }) => path === "tunnels.office.interface");
      expect(refusal?.message).toContain(`"${name}" is not possible on macOS; write utun0 to utun99999`);
    },
  );

  test("conflicts: adopt lets the device be taken over, with the user its engine runs as; yield leaves a field", () => {
    const top = "conflicts: { /link/office/device: adopt, /link/office/mtuBytes: yield }";
    const text = tunnel({ more: "interface: wg0", top });
    const expansion = expandText(text, { foreignEngines: { wg0: { uid: 0 } } });
    expect(resourceOf(expansion, "link/office").spec.adopt).toBe(true);
    expect(resourceOf(expansion, "tunnel/office").spec.engine).toBe("userspace");
    expect(resourceOf(expansion, "firewall/machine").spec.layers[0]?.adoptedUids).toEqual([0]);
    expect(expansion.desired.lifecycle?.ignore).toEqual(["/link/office/mtuBytes"]);
    const without = expandText(text);
    expect(resourceOf(without, "tunnel/office").spec.engine).toBe("embedded");
    expect(resourceOf(without, "firewall/machine").spec.layers[0]).not.toHaveProperty("adoptedUids");
  });
});
