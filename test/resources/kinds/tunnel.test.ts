import { describe, expect, test } from "vitest";
import { renderResourceText } from "../../../src/host/linux/render/resource-text.ts";
import { ENGINE_MARK } from "../../../src/model/ownership.ts";
import type { PeerObserved, PeerSpec, TunnelObserved, TunnelSpec } from "../../../src/model/resources/tunnel.ts";
import type { SecretId } from "../../../src/model/secret.ts";
import { secretIdsOf } from "../../../src/reconciler/apply/accept.ts";
import { linkDriver } from "../../../src/resources/link/link.driver.ts";
import { normalParameters, obfuscationParameters } from "../../../src/resources/tunnel/obfuscation.ts";
import { tunnelDriver } from "../../../src/resources/tunnel/tunnel.driver.ts";
import {
  capabilities,
  configOf,
  expandText,
  facts,
  fieldsOf,
  KEY_A,
  KEY_B,
  laptop,
  resourceOf,
  secretOf,
  step,
} from "../sample.ts";

const secret = (text: string) => text as SecretId;

const PEER: PeerSpec = {
  publicKey: KEY_A,
  presharedKey: secret("psk-canary"),
  endpoint: "198.51.100.7:51820",
  allowedIPs: ["0.0.0.0/0", "::/0"],
  persistentKeepaliveSeconds: 25,
};
const SPEC: TunnelSpec = {
  device: "awg-office",
  protocol: "amneziawg",
  engine: "userspace",
  privateKey: secret("key-canary"),
  listenPort: 0,
  fwmark: ENGINE_MARK,
  peers: [PEER],
  obfuscation: { jc: "4", h1: "1000-2000" },
};
const seen = (peer: PeerSpec): PeerObserved => ({ ...peer, lastHandshakeSeconds: 5, receivedBytes: 1, sentBytes: 2 });
const OBSERVED: TunnelObserved = { ...SPEC, listenPort: 40_123, running: true, peers: [seen(PEER)] };
const WANTED = new Map([["tunnel/office", SPEC]] as const);

describe("what differs in a tunnel", () => {
  test.each<[string, Partial<TunnelSpec>, Partial<TunnelObserved>, string[]]>([
    ["nothing; a chosen port is not compared with 0", {}, {}, []],
    ["the port asked for", { listenPort: 51_820 }, {}, ["/listenPort"]],
    ["that no engine runs", {}, { running: false }, ["/running"]],
    ["the mark", {}, { fwmark: 0 }, ["/fwmark"]],
    ["the engine", {}, { engine: "kernel" }, ["/engine"]],
    ["the protocol", {}, { protocol: "wireguard" }, ["/protocol"]],
    ["the device", {}, { device: "awg-old" }, ["/device"]],
    ["the private key", {}, { privateKey: secret("other") }, ["/privateKey"]],
    ["a missing private key", {}, { privateKey: undefined }, ["/privateKey"]],
    ["a parameter", {}, { obfuscation: { jc: "5", h1: "1000-2000" } }, ["/obfuscation/jc"]],
    ["a parameter too many", {}, { obfuscation: { jc: "4", h1: "1000-2000", s1: "9" } }, ["/obfuscation/s1"]],
    ["a missing parameter", {}, { obfuscation: { jc: "4" } }, ["/obfuscation/h1"]],
    ["a missing peer", {}, { peers: [] }, ["/peers"]],
    ["a peer too many", {}, { peers: [seen(PEER), seen({ ...PEER, publicKey: KEY_B })] }, ["/peers"]],
  ])("%s", (_name, wanted, observed, fields) => {
    expect(fieldsOf(tunnelDriver.diff({ ...SPEC, ...wanted }, { ...OBSERVED, ...observed }))).toEqual(fields);
  });

  test.each<[string, Partial<PeerObserved>, string[]]>([
    ["an endpoint that roamed", { endpoint: "203.0.113.9:51820" }, ["/peers/0/endpoint"]],
    ["allowed addresses", { allowedIPs: ["0.0.0.0/0"] }, ["/peers/0/allowedIPs"]],
    ["the keepalive", { persistentKeepaliveSeconds: 0 }, ["/peers/0/persistentKeepaliveSeconds"]],
    ["the shared key", { presharedKey: secret("other") }, ["/peers/0/presharedKey"]],
    ["nothing but traffic", { receivedBytes: 999, sentBytes: 999, lastHandshakeSeconds: 0 }, []],
  ])("of a peer: %s", (_name, observed, fields) => {
    const peers = [{ ...seen(PEER), ...observed }];
    expect(fieldsOf(tunnelDriver.diff(SPEC, { ...OBSERVED, peers }))).toEqual(fields);
  });

  test("one that may be at several addresses is right at each of them, in whatever order, and at no other", () => {
    const endpoints = ["198.51.100.7:51820", "203.0.113.9:51820"];
    const differs = (observed: Partial<PeerObserved>) =>
      fieldsOf(
        tunnelDriver.diff(
          { ...SPEC, peers: [{ ...PEER, endpoints }] },
          { ...OBSERVED, peers: [{ ...seen(PEER), ...observed }] },
        ),
      );
    expect(differs({ endpoints: endpoints.toReversed(), endpoint: "203.0.113.9:51820" })).toEqual([]);
    expect(differs({ endpoints, endpoint: "192.0.2.1:51820" })).toEqual(["/peers/0/endpoint"]);
    expect(differs({ endpoints: ["198.51.100.7:51820"] })).toEqual(["/peers/0/endpoints"]);
    expect(differs({})).toEqual(["/peers/0/endpoints"]);
  });

  test("a peer that dials in may come from anywhere", () => {
    const { endpoint: _endpoint, ...dialsIn } = PEER;
    expect(tunnelDriver.diff({ ...SPEC, peers: [dialsIn] }, OBSERVED)).toEqual([]);
  });

  test("a peer is found by its key, wherever it is in the list", () => {
    const other = { ...PEER, publicKey: KEY_B };
    const observed = { ...OBSERVED, peers: [seen(other), seen(PEER)] };
    expect(tunnelDriver.diff({ ...SPEC, peers: [PEER, other] }, observed)).toEqual([]);
  });

  test("law 8: no id of a secret is in what differs", () => {
    const observed = {
      ...OBSERVED,
      privateKey: secret("canary-2"),
      peers: [{ ...seen(PEER), presharedKey: secret("canary-3") }],
    };
    const changes = tunnelDriver.diff(SPEC, observed);
    expect(changes.every(({ secret: isSecret }) => isSecret === true)).toBe(true);
    expect(JSON.stringify(changes)).not.toContain("canary");
  });

  test("law 8: the header protection key is a secret like any", () => {
    const observed = { ...OBSERVED, obfuscation: { ...SPEC.obfuscation, header_protection_key: "canary" } };
    const change = { field: "/obfuscation/header_protection_key", secret: true, interruption: expect.any(String) };
    expect(tunnelDriver.diff(SPEC, observed)).toEqual([change]);
    expect(JSON.stringify(tunnelDriver.diff(SPEC, observed))).not.toContain("canary");
  });
});

describe("AmneziaWG parameters", () => {
  test("what an engine prints although it was not set is left out", () => {
    const printed = { jc: "0", s1: "0", h1: "1", h2: "2", h3: "3", h4: "4", random_trailers: "false", i1: "" };
    expect(normalParameters(printed)).toEqual({});
  });

  test("one value is no range, and booleans are numbers", () => {
    expect(normalParameters({ h1: "7-7", h2: "7-8", disable_cookies: "true" })).toEqual({
      h1: "7",
      h2: "7-8",
      disable_cookies: "1",
    });
  });

  test("a header of 2 is a change for h1 and none for h2", () => {
    expect(normalParameters({ h1: "2", h2: "2" })).toEqual({ h1: "2" });
  });

  test("a configuration's parameters get their UAPI names", () => {
    const tunnel = configOf(`
tunnels:
  a:
    protocol: amneziawg
    privateKey: { file: /k }
    addresses: [10.0.0.1/32]
    obfuscation: { jc: 4, jmin: 8, jmax: 80, s1: 15, s2: 20, s4: 4, h1: 10-20, h2: 30, h3: 40, h4: 50, i1: "<r 4>",
      randomTrailers: true, rekeyAfterTime: 100-120, maxHandshakeAttempts: 15, contentPaddingAddition: 10-100, version: "3.1" }
    peers: [{ publicKey: ${KEY_A}, allowedIPs: [10.0.0.0/8] }]
default: { via: direct }`).tunnels["a"];
    const obfuscation = tunnel?.protocol === "amneziawg" ? tunnel.obfuscation : undefined;
    if (obfuscation === undefined) throw new Error("there is no obfuscation");
    const reported = obfuscationParameters(obfuscation, secretOf, true);
    const { awg_generation: named, ...everyEngine } = reported;
    expect(named).toBe("3.1");
    expect(obfuscationParameters(obfuscation, secretOf, false)).toEqual(everyEngine);
    expect(everyEngine).toEqual({
      jc: "4",
      jmin: "8",
      jmax: "80",
      s1: "15",
      s2: "20",
      s4: "4",
      h1: "10-20",
      h2: "30",
      h3: "40",
      h4: "50",
      i1: "<r 4>",
      random_trailers: "1",
      rekey_after_time: "100-120",
      max_handshake_attempts: "15",
      content_padding_addition: "10-100",
    });
  });

  test("law 8: the key of the header mask travels as the id of its secret, and is kept as long as the tunnel", () => {
    const expansion = expandText(`
tunnels:
  a:
    protocol: amneziawg
    privateKey: { file: /k }
    addresses: [10.0.0.1/32]
    obfuscation: { s1: 20, s2: 30, s3: 40, s4: 12, headerProtectionKey: { file: /h } }
    peers: [{ publicKey: ${KEY_A}, allowedIPs: [10.0.0.0/8] }]
default: { via: direct }`);
    expect(expansion.unsupported).toEqual([]);
    const tunnel = resourceOf(expansion, "tunnel/a");
    expect(tunnel.spec.obfuscation).toMatchObject({ s4: "12", header_protection_key: secretOf({ file: "/h" }) });
    expect(secretIdsOf([tunnel])).toEqual([secretOf({ file: "/h" }), secretOf({ file: "/k" })]);
    expect(renderResourceText(tunnel, [])).toContain("header_protection_key = (secret)");
  });
});

describe("tunnels on a machine", () => {
  const link = {
    device: "awg-office",
    type: "tun",
    addresses: ["10.8.0.2/32"],
    mtuBytes: 1420,
    tunnel: "office",
  } as const;

  async function withDevice(): Promise<ReturnType<typeof laptop>> {
    const world = laptop((state) => {
      state.capabilities = { ...state.capabilities, userspaceAmneziawg: true };
    });
    await linkDriver.apply(world.host, [step("link/office", null, link)]);
    return world;
  }

  test("an engine that does not run is no tunnel", async () => {
    const { host } = await withDevice();
    expect(await tunnelDriver.observe(host, WANTED)).toEqual(new Map());
    expect(tunnelDriver.asSpec({ ...OBSERVED, running: false })).toBeUndefined();
    expect(tunnelDriver.asSpec({ ...OBSERVED, privateKey: undefined })).toBeUndefined();
  });

  test("create, read back, and back to a spec", async () => {
    const { host } = await withDevice();
    await tunnelDriver.apply(host, [step("tunnel/office", null, SPEC)]);
    const observed = (await tunnelDriver.observe(host, WANTED)).get("tunnel/office");
    expect(observed && tunnelDriver.diff(SPEC, observed)).toEqual([]);
    const again = observed && tunnelDriver.asSpec(observed);
    expect(again?.peers).toEqual(SPEC.peers);
    expect(again?.privateKey).toBe(SPEC.privateKey);
  });

  test("an engine left behind is found by its device, and goes", async () => {
    const { machine, host } = await withDevice();
    await tunnelDriver.apply(host, [step("tunnel/office", null, SPEC)]);
    expect([...(await tunnelDriver.observe(host, new Map())).keys()]).toEqual(["tunnel/office"]);
    for (let times = 0; times < 2; times++) await tunnelDriver.apply(host, [step("tunnel/office", SPEC, null)]);
    expect(machine.live.engines).toEqual([]);
  });

  test("adopt and forget touch nothing", async () => {
    const { machine, host } = await withDevice();
    const writes = machine.writes.length;
    await tunnelDriver.apply(host, [
      step("tunnel/office", SPEC, SPEC, "adopt"),
      step("tunnel/office", SPEC, null, "forget"),
    ]);
    expect(machine.writes.length).toBe(writes);
  });

  test("an engine of another kind takes the place of the old one", async () => {
    const { machine, host } = await withDevice();
    await tunnelDriver.apply(host, [step("tunnel/office", null, SPEC)]);
    const plain: TunnelSpec = { ...SPEC, protocol: "wireguard", obfuscation: {} };
    await tunnelDriver.apply(host, [step("tunnel/office", SPEC, plain, "replace")]);
    expect(machine.live.engines.map(({ protocol }) => protocol)).toEqual(["wireguard"]);
    expect(tunnelDriver.needsReplace?.([{ field: "/protocol" }])).toBe(true);
    expect(tunnelDriver.needsReplace?.([{ field: "/peers" }])).toBe(false);
  });

  test("it needs its device", () => {
    expect(tunnelDriver.dependsOn?.(SPEC)).toEqual(["link/office"]);
  });

  test.each([
    ["userspace", "amneziawg", { userspaceAmneziawg: true }, "enforced"],
    ["userspace", "amneziawg", { userspaceAmneziawg: false }, "unsupported"],
    ["userspace", "wireguard", { userspaceWireguard: false }, "unsupported"],
    ["kernel", "wireguard", { kernelWireguard: true }, "enforced"],
    ["kernel", "wireguard", { kernelWireguard: false }, "unsupported"],
    ["kernel", "amneziawg", { kernelWireguard: true }, "unsupported"],
    ["embedded", "amneziawg", { tun: true, userspaceAmneziawg: false }, "enforced"],
    ["embedded", "wireguard", { tun: false }, "unsupported"],
  ] as const)("law 9: engine %s for %s with %o is %s", (engine, protocol, able, level) => {
    const can = facts(capabilities(able)).capabilities;
    expect(tunnelDriver.enforcement?.({ ...SPEC, engine, protocol }, can)).toBe(level);
  });
});
