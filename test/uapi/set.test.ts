import fc from "fast-check";
import { describe, expect, test } from "vitest";
import type { PeerSpec, TunnelObserved, TunnelSpec } from "../../src/model/resources/tunnel.ts";
import type { SecretId } from "../../src/model/secret.ts";
import { observedFromUapi } from "../../src/uapi/observed.ts";
import { parseUapiDevice } from "../../src/uapi/reply.ts";
import { renderUapiSet } from "../../src/uapi/set.ts";
import { checkProperty } from "../support/seeded.ts";
import { EngineModel } from "./engine-model.ts";

const IDENTITY = { device: "awg-a", protocol: "amneziawg", engine: "userspace" } as const;
/** In these tests an id is the hex of its bytes. */
const idOf = (bytes: Uint8Array) => Buffer.from(bytes).toString("hex") as SecretId;
const bytesOf = (id: SecretId) => new Uint8Array(Buffer.from(id, "hex"));
const secret = (byte: number) => idOf(new Uint8Array(32).fill(byte));
const publicKey = (byte: number) => Buffer.alloc(32, byte).toString("base64");

const PEER: PeerSpec = {
  publicKey: publicKey(2),
  presharedKey: secret(3),
  endpoint: "192.0.2.1:51820",
  allowedIPs: ["10.0.0.0/8", "::/0"],
  persistentKeepaliveSeconds: 25,
};
const SPEC: TunnelSpec = {
  ...IDENTITY,
  privateKey: secret(1),
  listenPort: 0,
  fwmark: 0x3f000000,
  peers: [PEER],
  obfuscation: { jc: "4", jmin: "40", jmax: "70", h1: "5" },
};

const observe = (engine: EngineModel): TunnelObserved =>
  observedFromUapi(parseUapiDevice(engine.get()), IDENTITY, idOf);

function configured(spec: TunnelSpec): EngineModel {
  const engine = new EngineModel();
  engine.set(renderUapiSet(spec, undefined, bytesOf) ?? "");
  return engine;
}

function linesFrom(before: TunnelSpec, after: TunnelSpec): readonly string[] | undefined {
  return renderUapiSet(after, observe(configured(before)), bytesOf)
    ?.trimEnd()
    .split("\n")
    .slice(1);
}

describe("renderUapiSet", () => {
  test("a new engine gets key and mark before any peer", () => {
    expect(renderUapiSet(SPEC, undefined, bytesOf)?.split("\n")).toEqual([
      "set=1",
      `private_key=${"01".repeat(32)}`,
      `fwmark=${0x3f000000}`,
      "jc=4",
      "jmin=40",
      "jmax=70",
      "h1=5",
      "replace_peers=true",
      `public_key=${"02".repeat(32)}`,
      `preshared_key=${"03".repeat(32)}`,
      "endpoint=192.0.2.1:51820",
      "persistent_keepalive_interval=25",
      "replace_allowed_ips=true",
      "allowed_ip=10.0.0.0/8",
      "allowed_ip=::/0",
      "",
      "",
    ]);
  });

  test("law 3: an engine that is as it should be is sent nothing", () => {
    expect(linesFrom(SPEC, SPEC)).toBeUndefined();
  });

  test("one that does not run is sent everything", () => {
    const silent = { ...observe(configured(SPEC)), running: false };
    expect(renderUapiSet(SPEC, silent, bytesOf)).toBe(renderUapiSet(SPEC, undefined, bytesOf));
  });

  const line = `public_key=${"02".repeat(32)}`;
  test.each<[string, Partial<TunnelSpec>, readonly string[]]>([
    ["the key", { privateKey: secret(9) }, [`private_key=${"09".repeat(32)}`]],
    ["the mark", { fwmark: 7 }, ["fwmark=7"]],
    ["the port", { listenPort: 51820 }, ["listen_port=51820"]],
    ["the endpoint", peers({ endpoint: "192.0.2.2:1" }), [line, "update_only=true", "endpoint=192.0.2.2:1"]],
    [
      "an endpoint more",
      peers({ endpoints: ["192.0.2.1:51820", "192.0.2.2:1"] }),
      [line, "update_only=true", "awg_endpoints=192.0.2.1:51820,192.0.2.2:1"],
    ],
    [
      "others, where it is at one of them",
      peers({ endpoint: "192.0.2.2:1", endpoints: ["192.0.2.2:1", "192.0.2.1:51820"] }),
      [line, "update_only=true", "awg_endpoints=192.0.2.2:1,192.0.2.1:51820"],
    ],
    [
      "a prefix more",
      peers({ allowedIPs: ["10.0.0.0/8", "192.168.0.0/16", "::/0"] }),
      [line, "update_only=true", "allowed_ip=192.168.0.0/16"],
    ],
    [
      "a prefix less",
      peers({ allowedIPs: ["::/0"] }),
      [line, "update_only=true", "replace_allowed_ips=true", "allowed_ip=::/0"],
    ],
    [
      "keepalive off",
      peers({ persistentKeepaliveSeconds: 0 }),
      [line, "update_only=true", "persistent_keepalive_interval=0"],
    ],
    [
      "keepalive from a range",
      peers({ persistentKeepaliveSeconds: 30, leastKeepaliveSeconds: 20 }),
      [line, "update_only=true", "persistent_keepalive_interval=20-30"],
    ],
    ["no peer", { peers: [] }, [line, "remove=true"]],
    ["no obfuscation", { obfuscation: {} }, ["jc=0", "jmin=0", "jmax=0", "h1=1"]],
    [
      "one parameter: all of them",
      { obfuscation: { ...SPEC.obfuscation, jc: "5" } },
      ["jc=5", "jmin=40", "jmax=70", "h1=5"],
    ],
  ])("sends only what differs: %s", (_, change, expected) => {
    expect(linesFrom(SPEC, { ...SPEC, ...change })).toEqual(expected);
  });

  const greeting = (...intervals: readonly string[]) =>
    intervals.flatMap((interval) => [line, "update_only=true", `persistent_keepalive_interval=${interval}`]);
  test.each<[string, Partial<TunnelSpec>, Partial<PeerSpec>, readonly string[]]>([
    ["with a keepalive", {}, {}, greeting("0", "25")],
    ["from a range", {}, { persistentKeepaliveSeconds: 30, leastKeepaliveSeconds: 20 }, greeting("0", "20-30")],
    ["without", {}, { persistentKeepaliveSeconds: 0 }, greeting("25", "0")],
    ["by awg's own engine, which shakes hands", { engine: "embedded" }, {}, []],
  ])("a peer that has spoken is sent to at once where it is now: %s", (_, engine, keepalive, expected) => {
    const spec = { ...SPEC, ...engine, peers: [{ ...PEER, ...keepalive }] };
    const observed = observe(configured(spec));
    const spoken = { ...observed, peers: observed.peers.map((peer) => ({ ...peer, lastHandshakeSeconds: 1 })) };
    const moved = { ...spec, peers: [{ ...PEER, ...keepalive, endpoint: "192.0.2.2:1" }] };
    const lines = renderUapiSet(moved, spoken, bytesOf)?.trimEnd().split("\n").slice(1);
    expect(lines).toEqual([line, "update_only=true", "endpoint=192.0.2.2:1", ...expected]);
    expect(renderUapiSet(spec, spoken, bytesOf)).toBeUndefined();
  });

  test("a preshared key that goes is sent as zeros", () => {
    const { presharedKey: _, ...bare } = PEER;
    expect(linesFrom(SPEC, { ...SPEC, peers: [bare] })).toContain(`preshared_key=${"00".repeat(32)}`);
  });

  test("the header protection key travels as a secret", () => {
    const spec = { ...SPEC, obfuscation: { header_protection_key: secret(7) } };
    expect(renderUapiSet(spec, undefined, bytesOf)).toContain(`header_protection_key=${"07".repeat(32)}`);
    expect(observe(configured(spec)).obfuscation).toEqual({ header_protection_key: secret(7) });
    expect(linesFrom(spec, spec)).toBeUndefined();
  });

  test("a secret that is no key is refused without being shown", () => {
    const spec = { ...SPEC, privateKey: idOf(new Uint8Array(31).fill(0xab)) };
    expect(() => renderUapiSet(spec, undefined, bytesOf)).toThrow("31 bytes");
  });
});

describe("from any configuration to any other", () => {
  const prefixes = fc.uniqueArray(fc.nat(30), { maxLength: 6 });
  const peer = fc.record({
    key: fc.integer({ min: 1, max: 5 }),
    psk: fc.option(fc.integer({ min: 1, max: 3 }), { nil: undefined }),
    endpoint: fc.nat(3),
    keepalive: fc.nat(2),
  });
  const spec = fc
    .record({
      key: fc.integer({ min: 1, max: 3 }),
      port: fc.nat(2),
      mark: fc.nat(2),
      peers: fc.uniqueArray(peer, { maxLength: 5, selector: ({ key }) => key }),
      prefixes: fc.array(prefixes, { minLength: 5, maxLength: 5 }),
      obfuscation: fc.dictionary(fc.constantFrom("jc", "s1", "h1", "i1"), fc.constantFrom("1", "5", "7-7", "8")),
    })
    .map(specOf);

  test("the set leads there, peers that stay are never removed, and a second one has nothing to say", () => {
    checkProperty(
      fc.property(spec, spec, (before, after) => {
        const engine = configured(before);
        const stayed = before.peers.filter((one) => after.peers.some((other) => other.publicKey === one.publicKey));
        const births = stayed.map((one) => engine.birthOf(one.publicKey));
        engine.set(renderUapiSet(after, observe(engine), bytesOf) ?? "");
        expect(stayed.map((one) => engine.birthOf(one.publicKey))).toEqual(births);
        expect(observe(engine)).toMatchObject({
          privateKey: after.privateKey,
          fwmark: after.fwmark,
          peers: after.peers.map(({ publicKey, allowedIPs }) => ({ publicKey, allowedIPs })),
        });
        expect(renderUapiSet(after, observe(engine), bytesOf)).toBeUndefined();
      }),
      1000,
    );
  });
});

interface Draft {
  readonly key: number;
  readonly port: number;
  readonly mark: number;
  readonly peers: readonly { key: number; psk: number | undefined; endpoint: number; keepalive: number }[];
  readonly prefixes: readonly (readonly number[])[];
  readonly obfuscation: Readonly<Record<string, string>>;
}

/** Each prefix belongs to one peer, as in a valid configuration; they move between peers from one spec to the next. */
function specOf({ key, port, mark, peers, prefixes, obfuscation }: Draft): TunnelSpec {
  const taken = new Set<number>();
  const specs = peers
    .toSorted((a, b) => a.key - b.key)
    .map((peer, index) => {
      const own = (prefixes[index] ?? []).filter((prefix) => !taken.has(prefix));
      for (const prefix of own) taken.add(prefix);
      return {
        publicKey: publicKey(peer.key),
        allowedIPs: own.map((prefix) => `10.${prefix}.0.0/16`).sort(),
        persistentKeepaliveSeconds: peer.keepalive,
        ...(peer.psk === undefined ? {} : { presharedKey: secret(peer.psk) }),
        ...(peer.endpoint === 0 ? {} : { endpoint: `192.0.2.${peer.endpoint}:51820` }),
      };
    });
  return { ...IDENTITY, privateKey: secret(key), listenPort: port, fwmark: mark, peers: specs, obfuscation };
}

function peers(change: Partial<PeerSpec>): Partial<TunnelSpec> {
  return { peers: [{ ...PEER, ...change }] };
}
