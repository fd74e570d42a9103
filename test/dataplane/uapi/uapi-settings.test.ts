import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { parseEndpoint, renderEndpoint } from "../../../src/dataplane/uapi/endpoint-text.ts";
import { parseSet } from "../../../src/dataplane/uapi/parse-set.ts";
import { renderGet } from "../../../src/dataplane/uapi/render-get.ts";
import { commitSettings, settingsAfter } from "../../../src/dataplane/uapi/settings-after.ts";
import {
  deviceSettings,
  noSettings,
  peerSettings,
  type UapiSettings,
} from "../../../src/dataplane/uapi/uapi-settings.ts";
import { parseUapiDevice } from "../../../src/uapi/reply.ts";
import { checkProperty, SEED } from "../../support/seeded.ts";

const [A, B] = ["aa".repeat(32), "bb".repeat(32)];
const SECRET = "cc".repeat(32);
const NONE = "0".repeat(64);

function heldAfter(...requests: readonly string[]): UapiSettings {
  return requests.reduce(
    (held, text) => commitSettings(held, settingsAfter(held, parseSet(text.split("\n")))),
    noSettings(),
  );
}
const reply = (held: UapiSettings) => parseUapiDevice(`${renderGet(held, undefined)}errno=0\n\n`);
const peersOf = (held: UapiSettings) => [...held.peers.values()].map((peer) => peerSettings(peer));
const prefixesOf = (held: UapiSettings, key: string) => [...(held.peers.get(key)?.allowedIps.keys() ?? [])];

describe("what a set leaves behind", () => {
  test("only what it names changes", () => {
    const held = heldAfter(
      `private_key=${SECRET}\nlisten_port=1\nfwmark=2\njc=4\npublic_key=${A}\nendpoint=192.0.2.1:1\nallowed_ip=10.0.0.0/8`,
      `listen_port=3\npublic_key=${A}\npersistent_keepalive_interval=20-30`,
    );
    expect(reply(held)).toMatchObject({ listenPort: 3, fwmark: 2, obfuscation: { jc: "4", h1: "1", h4: "4" } });
    const [peer] = peersOf(held);
    expect(peer).toMatchObject({ persistentKeepalive: { low: 20_000, high: 30_000 } });
    expect(renderEndpoint(peer?.endpoint ?? { address: new Uint8Array(4), port: 0, scope: 0 })).toBe("192.0.2.1:1");
    expect(prefixesOf(held, A)).toEqual(["10.0.0.0/8"]);
  });

  test("all addresses of a peer are set together, set again, and removed by an empty list", () => {
    const begin = `private_key=${SECRET}\npublic_key=${A}\nendpoint=192.0.2.1:1\n`;
    const reported = `${begin}awg_endpoints=192.0.2.1:1,[2001:db8::1]:1`;
    const [peer] = peersOf(heldAfter(reported));
    expect(peer?.endpoints?.map(renderEndpoint)).toEqual(["192.0.2.1:1", "[2001:db8::1]:1"]);
    expect(reply(heldAfter(reported)).peers[0]).toMatchObject({ endpoints: ["192.0.2.1:1", "[2001:db8::1]:1"] });
    const none = heldAfter(reported, `public_key=${A}\nawg_endpoints=`);
    expect(reply(none).peers[0]).not.toHaveProperty("endpoints");
    const boundTo = { four: { index: 7, mtuBytes: 1500 } };
    const here = heldAfter(`${begin}awg_endpoints=192.0.2.1:1,[::1]:1`);
    expect(deviceSettings(here, { mtuBytes: 1420, boundTo })?.socket).not.toHaveProperty("boundTo");
    expect(deviceSettings(heldAfter(reported), { mtuBytes: 1420, boundTo })?.socket).toHaveProperty("boundTo");
  });

  test("B13: the earliest time of handshakes only grows, and does not matter without a key", () => {
    const held = heldAfter(`private_key=${SECRET}\nawg_not_before=2000000000`, "awg_not_before=1900000000");
    expect(deviceSettings(held, { mtuBytes: 1420 })?.notBeforeSeconds).toBe(2_000_000_000);
    const untold = deviceSettings(heldAfter(`private_key=${SECRET}`), { mtuBytes: 1420 });
    expect(untold).not.toHaveProperty("notBeforeSeconds");
    for (const value of ["-1", "1.5", "99999999999", ""]) {
      expect(() => heldAfter(`awg_not_before=${value}`)).toThrow("awg_not_before");
    }
  });

  test("a given generation is reported back; alone it obfuscates nothing", () => {
    const held = heldAfter(`private_key=${SECRET}\nawg_generation=1.5`, "jc=4\njmin=4\njmax=9");
    const words = { h1: "1", h2: "2", h3: "3", h4: "4" };
    expect(reply(held).obfuscation).toEqual({ awg_generation: "1.5", jc: "4", jmin: "4", jmax: "9", ...words });
    expect(reply(heldAfter("awg_generation=1.5")).obfuscation).toEqual({ awg_generation: "1.5" });
    const reported = (one: UapiSettings) => deviceSettings(one, { mtuBytes: 1420 })?.obfuscation;
    expect(reported(held)?.parameters).toMatchObject({ awg_generation: "1.5" });
    expect(reported(heldAfter(`private_key=${SECRET}\nawg_generation=1.5`))).toBeUndefined();
  });

  test("a prefix belongs to one peer, the last that got it", () => {
    const held = heldAfter(
      `public_key=${A}\nallowed_ip=10.0.0.0/8\nallowed_ip=fd00::/8\npublic_key=${B}\nallowed_ip=10.0.0.1/8`,
    );
    expect([prefixesOf(held, A), prefixesOf(held, B)]).toEqual([["fd00::/8"], ["10.0.0.0/8"]]);
  });

  test("a prefix belongs to the last peer that got it, whatever came between", () => {
    const peers = [A, B, "dd".repeat(32)];
    const prefixes = ["10.0.0.0/8", "10.1.0.0/16", "fd00::/8"];
    const change = fc.record({
      peer: fc.nat(2),
      what: fc.constantFrom("add", "take away", "replace", "remove"),
      prefix: fc.nat(2),
    });
    checkProperty(
      fc.property(fc.array(fc.array(change, { maxLength: 4 }), { maxLength: 6 }), (requests) => {
        const owner = new Map<string, string>();
        const forget = (key: string) => {
          for (const [prefix, one] of owner) if (one === key) owner.delete(prefix);
        };
        const texts = requests.map((changes) =>
          changes
            .map(({ peer, what, prefix }) => {
              const [key, text] = [peers[peer] ?? "", prefixes[prefix] ?? ""];
              if (what === "replace" || what === "remove") forget(key);
              if (what === "remove") return `public_key=${key}\nremove=true`;
              if (what !== "take away") owner.set(text, key);
              else if (owner.get(text) === key) owner.delete(text);
              const replace = what === "replace" ? "replace_allowed_ips=true\n" : "";
              return `public_key=${key}\n${replace}allowed_ip=${what === "take away" ? "-" : ""}${text}`;
            })
            .join("\n"),
        );
        const held = heldAfter(...texts.filter((text) => text !== ""));
        for (const key of peers) {
          const expected = [...owner].filter(([, one]) => one === key).map(([prefix]) => prefix);
          expect(prefixesOf(held, key).toSorted()).toEqual(expected.toSorted());
        }
      }),
      200,
    );
  });

  test.each([
    ["replace_allowed_ips", `public_key=${A}\nreplace_allowed_ips=true\nallowed_ip=10.9.0.0/16`, ["10.9.0.0/16"]],
    ["a minus", `public_key=${A}\nallowed_ip=-10.0.0.0/8`, ["10.1.0.0/16"]],
    ["a plus", `public_key=${A}\nallowed_ip=+10.2.0.0/16`, ["10.0.0.0/8", "10.1.0.0/16", "10.2.0.0/16"]],
  ])("%s", (_name, text, expected) => {
    expect(prefixesOf(heldAfter(`public_key=${A}\nallowed_ip=10.0.0.0/8\nallowed_ip=10.1.0.0/16`, text), A)).toEqual(
      expected,
    );
  });

  test("update_only makes no peer, remove of none is nothing, replace_peers forgets all others", () => {
    expect(heldAfter(`public_key=${A}\nupdate_only=true\nallowed_ip=10.0.0.0/8`).peers.size).toBe(0);
    expect(heldAfter(`public_key=${A}\nremove=true`).peers.size).toBe(0);
    expect([...heldAfter(`public_key=${A}`, `replace_peers=true\npublic_key=${B}`).peers.keys()]).toEqual([B]);
  });

  test("all zero takes a key away, and without a private key there is nothing to carry", () => {
    const held = heldAfter(
      `private_key=${SECRET}\npublic_key=${A}\npreshared_key=${SECRET}`,
      `public_key=${A}\npreshared_key=${NONE}`,
    );
    expect(held.peers.get(A)?.presharedKey).toBeUndefined();
    expect(deviceSettings(held, { mtuBytes: 1420 })).toBeDefined();
    const gone = settingsAfter(held, parseSet([`private_key=${NONE}`]));
    expect(deviceSettings(gone, { mtuBytes: 1420 })).toBeUndefined();
  });

  test("parameters that are off are not held, a zero header protection key is none", () => {
    const held = heldAfter(
      `jc=4\nh1=1\nrandom_trailers=true\nheader_protection_key=${SECRET}`,
      `jc=0\nheader_protection_key=${NONE}`,
    );
    expect(held.obfuscation).toEqual({ random_trailers: "1" });
  });
});

describe("requests that cannot be", () => {
  test.each([
    ["listen_port=65536", 22],
    ["private_key=00", 22],
    ["fwmark=-1", 22],
    ["nonsense=1", 22],
    ["no equals sign", 71],
    [`public_key=${A}\nallowed_ip=10.0.0.0/33`, 22],
    [`public_key=${A}\nendpoint=example.com:1`, 22],
    [`public_key=${A}\nendpoint=[192.0.2.1]:1`, 22],
    [`public_key=${A}\nawg_endpoints=192.0.2.1:1,`, 22],
    [`public_key=${A}\nawg_endpoints=${Array(17).fill("192.0.2.1:1").join(",")}`, 22],
    [`public_key=${A}\npersistent_keepalive_interval=30-20`, 22],
    [`public_key=${A}\nreplace_allowed_ips=yes`, 22],
    [`public_key=${A}\nprotocol_version=2`, 22],
    [`public_key=${A}\nlisten_port=1`, 22],
  ])("%s is refused with %i, and law 8: its value is not repeated", (text, errno) => {
    const secret = text.slice(text.lastIndexOf("=") + 1);
    expect(() => parseSet(text.split("\n"))).toThrow(expect.objectContaining({ errno }));
    if (secret.length > 8) expect(() => parseSet(text.split("\n"))).not.toThrow(secret);
  });

  test("whatever comes is taken apart or refused, never anything else", () => {
    const line = fc.oneof(
      fc.constantFrom(
        "listen_port=1",
        `public_key=${A}`,
        "remove=true",
        "allowed_ip=10.0.0.0/8",
        "jc=1",
        "i1=<b 0x00>",
      ),
      fc.string({ maxLength: 40 }),
      fc
        .tuple(fc.constantFrom("endpoint", "allowed_ip", "private_key", "fwmark", "h1"), fc.string())
        .map((pair) => pair.join("=")),
    );
    fc.assert(
      fc.property(fc.array(line, { maxLength: 12 }), (lines) => {
        try {
          settingsAfter(noSettings(), parseSet(lines));
        } catch (error) {
          expect(error).toMatchObject({ errno: expect.any(Number) });
        }
      }),
      { seed: SEED, numRuns: 500 },
    );
  });
});

test.each(["192.0.2.1:51820", "[2001:db8::1]:1", "[fe80::1%3]:65535"])(
  "endpoint %s is read and written the same",
  (text) => {
    const endpoint = parseEndpoint(text);
    expect(endpoint === undefined ? undefined : renderEndpoint(endpoint)).toBe(text);
  },
);
