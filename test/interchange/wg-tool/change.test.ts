import { describe, expect, test } from "vitest";
import { readToolConf, replacingAll, syncing } from "../../../src/interchange/wg-tool/conf-change.ts";
import { parseSetArguments } from "../../../src/interchange/wg-tool/set-arguments.ts";
import { showDevice } from "../../../src/interchange/wg-tool/show-device.ts";
import { showField } from "../../../src/interchange/wg-tool/show-field.ts";
import { renderShowConf } from "../../../src/interchange/wg-tool/shown-device.ts";
import { renderTunnelChange } from "../../../src/interchange/wg-tool/tunnel-change.ts";
import type { UapiDevice } from "../../../src/uapi/reply.ts";
import { PEER_KEY } from "../../support/config.ts";

const KEY = "FlvAqMEDgE1D9nFQZpiqwXXMClm0Wc/Ga1r7TzmoGkk=";
const HEX = Buffer.from(KEY, "base64").toString("hex");
const OTHER = PEER_KEY;
const OTHER_HEX = Buffer.from(OTHER, "base64").toString("hex");
const noFile = () => {
  throw new Error("no file was to be read");
};
const PEER = {
  publicKey: KEY,
  allowedIPs: ["10.0.0.0/8"],
  persistentKeepaliveSeconds: 25,
  lastHandshakeSeconds: 1_000_000,
  receivedBytes: 1536,
  sentBytes: 3 * 1024 ** 3,
};
const HELD: UapiDevice = {
  privateKey: Buffer.from(OTHER, "base64"),
  listenPort: 51_820,
  fwmark: 16,
  obfuscation: { jc: "4", jmin: "8", jmax: "80", h1: "10-20", i1: "<b 0x01>", header_protection_key: HEX },
  peers: [{ ...PEER, presharedKey: Buffer.from(OTHER, "base64"), endpoint: "192.0.2.1:51820" }],
};
const DEVICE = { name: "awg0", publicKey: KEY, state: HELD };

describe("what awg set asks of an engine", () => {
  test.each([
    [["listen-port", "51820", "fwmark", "0xff"], "listen_port=51820\nfwmark=255\n"],
    [["fwmark", "off", "jc", "4", "h1", "10-20"], "fwmark=0\njc=4\nh1=10-20\n"],
    [["random-trailers", "on", "i1", "<b 0x01><r 4>"], "random_trailers=1\ni1=<b 0x01><r 4>\n"],
    [["peer", KEY, "remove"], `public_key=${HEX}\nremove=true\n`],
    [
      ["peer", KEY, "endpoint", "192.0.2.1:1", "persistent-keepalive", "20-30", "allowed-ips", "10.0.0.0/8, fd00::/8"],
      `public_key=${HEX}\nendpoint=192.0.2.1:1\npersistent_keepalive_interval=20-30\nreplace_allowed_ips=true\nallowed_ip=10.0.0.0/8\nallowed_ip=fd00::/8\n`,
    ],
    [
      ["peer", KEY, "allowed-ips", "+10.1.0.0/16,-10.2.0.0/16"],
      `public_key=${HEX}\nallowed_ip=10.1.0.0/16\nallowed_ip=-10.2.0.0/16\n`,
    ],
    [
      ["peer", KEY, "allowed-ips", "10.1.0.0/16,+10.2.0.0/16"],
      `public_key=${HEX}\nallowed_ip=10.1.0.0/16\nallowed_ip=10.2.0.0/16\n`,
    ],
    [["peer", KEY, "allowed-ips", ""], `public_key=${HEX}\nreplace_allowed_ips=true\n`],
  ])("%j", (words, lines) => {
    expect(renderTunnelChange(parseSetArguments(words, noFile))).toBe(`set=1\n${lines}\n`);
  });

  test("keys come from files, and an empty one takes the key away", () => {
    const words = ["private-key", "/k", "header-protection-key", "/k", "peer", KEY, "preshared-key", "/none"];
    const change = parseSetArguments(words, (path) => (path === "/k" ? `${OTHER}\n` : ""));
    expect(renderTunnelChange(change)).toBe(
      `set=1\nprivate_key=${OTHER_HEX}\nheader_protection_key=${OTHER_HEX}\npublic_key=${HEX}\npreshared_key=${"0".repeat(64)}\n\n`,
    );
  });

  test.each([
    [["fwmark", "0x100000000"]],
    [["listen-port", "65536"]],
    [["i1", "<b 0x01>\nprivate_key=00"]],
    [["peer", `${KEY}\nremove=true`]],
    [["peer", KEY, "allowed-ips", "10.0.0.0/33"]],
    [["peer", KEY, "persistent-keepalive", "1-2-3"]],
    [["jc"]],
  ])("refuses %j, and no line can be smuggled in", (words) => {
    expect(() => parseSetArguments(words, noFile)).toThrow(expect.objectContaining({ kind: "usage" }));
  });

  test("law 8: a key that cannot be is not repeated", () => {
    const secret = "notbase64notbase64notbase64notbase64notbase";
    expect(() => parseSetArguments(["private-key", "/k"], () => secret)).toThrow(/^(?!.*notbase64).*$/);
  });
});

describe("confs", () => {
  const conf = readToolConf(
    `[Interface]\nListenPort = 1\nJc = 5\n[Peer]\nPublicKey = ${OTHER}\nAllowedIPs = fd00::/8\n`,
    "c",
  );

  test("setconf takes away what the conf leaves out", () => {
    const { device, replacePeers } = replacingAll(conf, HELD);
    expect(replacePeers).toBe(true);
    const no = "0".repeat(64);
    const off = ["jmin=0", "jmax=0", "h1=1", "i1=", `header_protection_key=${no}`];
    expect(device).toEqual(["listen_port=1", "jc=5", `private_key=${no}`, "fwmark=0", ...off]);
  });

  test("syncconf removes the peers that are not said and keeps the device", () => {
    const { device, replacePeers, peers } = syncing(conf, HELD);
    expect([device, replacePeers]).toEqual([["listen_port=1", "jc=5"], false]);
    expect(peers.map(({ remove }) => remove)).toEqual([true, false]);
  });

  test("syncconf takes away a preshared key that is not said any more", () => {
    const same = readToolConf(`[Peer]\nPublicKey = ${KEY}\n`, "c");
    expect(syncing(same, HELD).peers[0]?.presharedKey).toEqual(new Uint8Array(32));
  });

  test.each([
    ["[Peer]", `[Peer]\nPublicKey = ${KEY}\nAlowedIPs = 10.0.0.0/8\n`, "AlowedIPs"],
    ["[Interface]", "[Interface]\nPostUp = x\n", "PostUp"],
  ])("law 7: a key of %s that is not wg's is refused, not left out", (_where, text, key) => {
    expect(() => readToolConf(text, "c")).toThrow(
      expect.objectContaining({ kind: "usage", message: expect.stringContaining(key) }),
    );
  });

  test("a conf for AmneziaWG 1.0's kernel module is taken", () => {
    const { peers } = readToolConf(`[Peer]\nPublicKey = ${KEY}\nAdvancedSecurity = on\n`, "c");
    expect(peers).toHaveLength(1);
  });

  test("a conf with a sign in its last AllowedIPs adds and removes, as wg since 1.0.20250521 reads it", () => {
    const peer = `[Peer]\nPublicKey = ${KEY}\n`;
    const change = readToolConf(`${peer}AllowedIPs = 10.0.0.0/8\nAllowedIPs = +10.1.0.0/16, -10.2.0.0/16\n`, "c");
    expect(renderTunnelChange(change)).toBe(
      `set=1\npublic_key=${HEX}\nallowed_ip=10.0.0.0/8\nallowed_ip=10.1.0.0/16\nallowed_ip=-10.2.0.0/16\n\n`,
    );
    const whole = readToolConf(`${peer}AllowedIPs = +10.1.0.0/16\nAllowedIPs = 10.0.0.0/8\n`, "c");
    expect(whole.peers).toMatchObject([{ replaceAllowedIps: true, allowedIps: ["10.1.0.0/16", "10.0.0.0/8"] }]);
  });

  test("what showconf prints, setconf reads back whole", () => {
    const again = renderTunnelChange(replacingAll(readToolConf(renderShowConf(DEVICE), "shown"), HELD));
    for (const [key, value] of Object.entries(HELD.obfuscation)) expect(again).toContain(`${key}=${value}\n`);
    expect(again).toContain(`private_key=${OTHER_HEX}\n`);
    expect(again).toContain(`preshared_key=${OTHER_HEX}\n`);
  });
});

describe("show", () => {
  test("prints for people, and hides keys", () => {
    const text = showDevice(DEVICE, 1_000_000 + 90_061, false);
    expect(text).toBe(`interface: awg0
  public key: ${KEY}
  private key: (hidden)
  listening port: 51820
  fwmark: 0x10
  jc: 4
  jmin: 8
  jmax: 80
  h1: 10-20
  i1: <b 0x01>
  header protection key: (hidden)

peer: ${KEY}
  preshared key: (hidden)
  endpoint: 192.0.2.1:51820
  allowed ips: 10.0.0.0/8
  latest handshake: 1 day, 1 hour, 1 minute, 1 second ago
  transfer: 1.50 KiB received, 3.00 GiB sent
  persistent keepalive: every 25 seconds`);
    expect(showDevice(DEVICE, 0, true)).toContain(`private key: ${OTHER}`);
  });

  test.each([
    ["h1", "10-20"],
    ["h2", "2"],
    ["i2", "(null)"],
    ["header-protection-key", KEY],
    ["max_handshake_attempts", "0"],
  ])("%s is %s", (field, value) => {
    expect(showField(DEVICE, field, false)).toEqual([value]);
    expect(showField(DEVICE, field, true)).toEqual([`awg0\t${value}`]);
  });

  test("dump has as many columns as amneziawg-tools 3.1's (29 and 8)", () => {
    expect(showField(DEVICE, "dump", false).map((line) => line.split("\t").length)).toEqual([29, 8]);
  });
});
