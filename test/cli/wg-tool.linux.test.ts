import { spawnSync } from "node:child_process";
import { existsSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { ROOT } from "../repository/sources.ts";
import { PEER_KEY } from "../support/config.ts";
import { temporaryFolder } from "../support/folder.ts";
import { commandObstacle, makeNamespace, namespaceObstacle, type TestNamespace } from "../support/netns.ts";

/** Both tools on one socket: what the other prints is the measure. */
const obstacle = namespaceObstacle() ?? commandObstacle("wireguard-go", "wg");
const device = `awt${process.pid % 100_000}`;
const PEER_A = "FlvAqMEDgE1D9nFQZpiqwXXMClm0Wc/Ga1r7TzmoGkk=";
const PEER_B = PEER_KEY;
const FIELDS = [
  ["public-key", "private-key", "listen-port", "fwmark", "peers", "preshared-keys", "endpoints", "allowed-ips"],
  ["latest-handshakes", "transfer", "persistent-keepalive"],
].flat();

let namespace: TestNamespace;
let folder: string;

function awg(words: readonly string[], input = "") {
  const argv = ["--disable-warning=ExperimentalWarning", join(ROOT, "src/cli/awg.ts"), ...words];
  return spawnSync(process.execPath, argv, { encoding: "utf8", input, timeout: 60_000 });
}

function wg(words: readonly string[], input = ""): string {
  const { status, stdout, stderr } = spawnSync("wg", words, { encoding: "utf8", input, timeout: 30_000 });
  expect(status, stderr).toBe(0);
  return stdout;
}

/** wireguard-go tells its peers in another order each time. */
const lines = (text: string) => text.trimEnd().split("\n").toSorted();
const blocks = (text: string) => text.trim().split("\n\n").toSorted();

function file(name: string, text: string): string {
  const path = join(folder, name);
  writeFileSync(path, text, { mode: 0o600 });
  return path;
}

describe.skipIf(obstacle !== undefined)(`the wg tool's verbs (${obstacle ?? "beside Debian's wg"})`, () => {
  beforeAll(() => {
    folder = temporaryFolder("t-wg");
    namespace = makeNamespace("wg-tool");
    namespace.run(["wireguard-go", device]);
    const key = wg(["genkey"]);
    const conf = `[Interface]\nPrivateKey = ${key.trim()}\nListenPort = 51999\nFwMark = 0x10\n
[Peer]\nPublicKey = ${PEER_A}\nAllowedIPs = 10.0.0.0/8, fd00::/8\nEndpoint = 192.0.2.1:51820\nPersistentKeepalive = 25\n
[Peer]\nPublicKey = ${PEER_B}\nPresharedKey = ${wg(["genpsk"]).trim()}\nAllowedIPs = 192.0.2.7/32\n`;
    const { status, stderr } = awg(["setconf", device, file("first.conf", conf)]);
    expect(status, stderr).toBe(0);
  });
  afterAll(() => {
    namespace?.run(["ip", "link", "del", device], { mayFail: true });
    namespace?.[Symbol.dispose]();
    expect(existsSync(`/var/run/wireguard/${device}.sock`)).toBe(false);
  });

  test.each(FIELDS)("show %s prints what wg prints", (field) => {
    expect(lines(awg(["show", device, field]).stdout)).toEqual(lines(wg(["show", device, field])));
  });

  test("show prints what wg prints for people, keys hidden", () => {
    const { status, stdout } = awg(["show", device]);
    expect([status, blocks(stdout)]).toEqual([0, blocks(wg(["show", device]))]);
  });

  test("showconf prints what wg prints", () => {
    expect(blocks(awg(["showconf", device]).stdout)).toEqual(blocks(wg(["showconf", device])));
  });

  test("show interfaces names the device, show all … puts it in front", () => {
    expect(awg(["show", "interfaces"]).stdout.trim().split(" ")).toContain(device);
    expect(awg(["show", "all", "listen-port"]).stdout.split("\n")).toContain(`${device}\t51999`);
  });

  test("dump has amneziawg-tools' columns between port and mark, and wg's before and behind", () => {
    const ours = awg(["show", device, "dump"]).stdout.trimEnd().split("\n");
    const theirs = wg(["show", device, "dump"]).trimEnd().split("\n");
    const head = ours[0]?.split("\t") ?? [];
    expect([...head.slice(0, 3), head.at(-1)].join("\t")).toBe(theirs[0]);
    expect(ours.slice(1).toSorted()).toEqual(theirs.slice(1).toSorted());
  });

  test("set changes one peer and leaves the other", () => {
    const before = wg(["show", device, "dump"])
      .split("\n")
      .find((line) => line.startsWith(PEER_B));
    const psk = awg(["genpsk"]).stdout;
    const words = ["set", device, "peer", PEER_A, "preshared-key", file("psk", psk), "persistent-keepalive", "off"];
    expect(awg([...words, "allowed-ips", "10.9.0.0/16,2001:db8::/32"]).stderr).toBe("");
    const [line] = wg(["show", device, "dump"])
      .split("\n")
      .filter((one) => one.startsWith(PEER_A));
    expect(line).toBe([PEER_A, psk.trim(), "192.0.2.1:51820", "10.9.0.0/16,2001:db8::/32", 0, 0, 0, "off"].join("\t"));
    expect(wg(["show", device, "dump"]).split("\n")).toContain(before);
  });

  test("syncconf takes peers away that are not said, addconf adds, wg reads back what showconf prints", () => {
    const one = `[Peer]\nPublicKey = ${PEER_B}\nAllowedIPs = 192.0.2.8/32\n`;
    expect(awg(["syncconf", device, file("sync.conf", `[Interface]\nListenPort = 51998\n${one}`)]).stderr).toBe("");
    expect(wg(["show", device, "peers"]).trim()).toBe(PEER_B);
    expect(wg(["show", device, "preshared-keys"]).trim()).toBe(`${PEER_B}\t(none)`);
    expect(awg(["addconf", device, file("add.conf", `[Peer]\nPublicKey = ${PEER_A}\n`)]).stderr).toBe("");
    expect(wg(["show", device, "peers"]).trim().split("\n").toSorted()).toEqual([PEER_B, PEER_A].toSorted());
    const conf = file("back.conf", awg(["showconf", device]).stdout);
    wg(["setconf", device, conf]);
    expect(blocks(awg(["showconf", device]).stdout)).toEqual(blocks(wg(["showconf", device])));
  });

  test("keys are wg's: pubkey of a genkey is the same from both", () => {
    const key = awg(["genkey"]).stdout;
    expect(awg(["pubkey"], key).stdout).toBe(wg(["pubkey"], key));
    expect(wg(["pubkey"], awg(["genpsk"]).stdout)).toMatch(/^[A-Za-z0-9+/]{43}=\n$/);
  });

  test.each([
    [["show", "nosuch0"], "no engine answers for nosuch0"],
    [["set", device], "usage: awg set"],
    [["set", device, "peer", "short"], "is not a public key"],
    [["set", device, "frobnicate", "1"], "unknown setting"],
    [["set", device, "private-key", "/nonexistent"], "cannot read /nonexistent: ENOENT"],
    [["setconf", device, "/nonexistent"], "cannot read /nonexistent: ENOENT"],
    [["show", device, "colour"], 'unknown field "colour"'],
    [["pubkey"], "holds no key"],
  ])("awg %j fails with 1 and one sentence", (words, sentence) => {
    const before = blocks(wg(["showconf", device]));
    const { status, stdout, stderr } = awg(words);
    expect([status, stdout]).toEqual([1, ""]);
    expect(stderr).toContain(sentence);
    expect(stderr.trim().split("\n")).toHaveLength(1);
    expect(blocks(wg(["showconf", device]))).toEqual(before);
  });

  test("a conf of wg-quick is refused whole, with its line, and shows no key", () => {
    const key = awg(["genkey"]).stdout.trim();
    const conf = file("quick.conf", `[Interface]\nPrivateKey = ${key}\nAddress = 10.0.0.1/24\n`);
    const before = blocks(wg(["showconf", device]));
    const { status, stderr } = awg(["setconf", device, conf]);
    expect([status, stderr.includes(`${conf}:3: Address is not a key of wg`), stderr.includes(key)]).toEqual([
      1,
      true,
      false,
    ]);
    expect(blocks(wg(["showconf", device]))).toEqual(before);
  });
});
