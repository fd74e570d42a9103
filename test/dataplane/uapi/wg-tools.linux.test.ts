import { type ChildProcess, spawn, spawnSync } from "node:child_process";
import { mkdirSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { fileURLToPath } from "node:url";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { PEER_KEY } from "../../support/config.ts";
import { temporaryFolder } from "../../support/folder.ts";
import {
  commandObstacle,
  makeNamespace,
  namespaceObstacle,
  type TestNamespace,
  tunObstacle,
} from "../../support/netns.ts";

const obstacle = namespaceObstacle() ?? tunObstacle() ?? commandObstacle("wg");
const SCRIPT = fileURLToPath(new URL("../scripts/engine.script.ts", import.meta.url));
const device = `awe${process.pid % 100_000}`;
const socket = `/var/run/wireguard/${device}.sock`;
const [KEY, PSK] = ["6ExP3nmQKy2gj2thHtI1HYAV1b5mYpTb2xiZ+Wq0eWI=", "o1wI4tOv7GjLZTfvgD0nvdxKeI1DJTXKAp+cXVIHMnM="];
const PEER_A = "FlvAqMEDgE1D9nFQZpiqwXXMClm0Wc/Ga1r7TzmoGkk=";
const PEER_B = PEER_KEY;
const CONF = {
  head: ["[Interface]", "ListenPort = 51997", "FwMark = 0x10", `PrivateKey = ${KEY}`],
  a: ["[Peer]", `PublicKey = ${PEER_A}`, "AllowedIPs = 10.0.0.0/8, fd00::/8", "Endpoint = 192.0.2.1:51820"],
  b: ["[Peer]", `PublicKey = ${PEER_B}`, `PresharedKey = ${PSK}`, "AllowedIPs = 192.0.2.7/32"],
} as const;

let folder = "";

/** Holds the port while wg asks for it, inside the namespace. */
const BLOCKED = `
import socket, subprocess, sys
s = socket.socket(socket.AF_INET6, socket.SOCK_DGRAM)
s.bind(("::", 51994))
print(subprocess.run(["wg", "set", sys.argv[1], "listen-port", "51994"], capture_output=True, text=True).stderr)`;

function run(words: readonly string[], input = "") {
  return spawnSync("wg", words, { encoding: "utf8", input, timeout: 30_000 });
}

function wg(words: readonly string[], input = ""): string {
  const { status, stdout, stderr } = run(words, input);
  expect([status, stderr]).toEqual([0, ""]);
  return stdout;
}

/** wg opens its file by name, which standard input has none of when it is a socket. */
function file(...parts: readonly (readonly string[])[]): string {
  const path = join(folder, "conf");
  writeFileSync(path, `${parts.flat().join("\n")}\n`, { mode: 0o600 });
  return path;
}

const sections = (...parts: readonly (readonly string[])[]) => parts.map((part) => part.join("\n")).toSorted();
const shown = () => wg(["showconf", device]).trim().split("\n\n").toSorted();
const dumped = (key: string) =>
  wg(["show", device, "dump"])
    .split("\n")
    .find((line) => line.startsWith(key));

describe.skipIf(obstacle !== undefined)(`Debian's wg on awg's own engine (${obstacle ?? "its UAPI socket"})`, () => {
  let namespace: TestNamespace;
  let engine: ChildProcess;

  beforeAll(async () => {
    mkdirSync("/var/run/wireguard", { recursive: true });
    rmSync(socket, { force: true });
    folder = temporaryFolder("t-wg-tools");
    namespace = makeNamespace("wg-tools");
    const argv = ["netns", "exec", namespace.name, process.execPath, SCRIPT, device];
    engine = spawn("ip", argv, { stdio: ["ignore", "ignore", "inherit"] });
    const endMs = Date.now() + 30_000;
    while (run(["show", device]).status !== 0) {
      if (Date.now() > endMs) throw new Error("the engine does not answer");
      await sleep(50);
    }
  });
  afterAll(() => {
    engine?.kill("SIGKILL");
    rmSync(socket, { force: true });
    namespace?.[Symbol.dispose]();
  });

  test("setconf is what showconf and show print again", () => {
    wg(["setconf", device, file(CONF.head, CONF.a, CONF.b)]);
    expect(shown()).toEqual(sections(CONF.head, CONF.a, CONF.b));
    expect(wg(["show", device, "fwmark"])).toBe("0x10\n");
    expect(wg(["show", device, "public-key"])).toBe(wg(["pubkey"], `${KEY}\n`));
    const text = wg(["show", device]);
    for (const part of [`interface: ${device}`, "listening port: 51997", `peer: ${PEER_B}`, "preshared key: (hidden)"])
      expect(text).toContain(part);
    expect(wg(["show", "interfaces"]).split(/\s/)).toContain(device);
  });

  test("set changes one peer, moves a prefix to it, and leaves the rest as it was", () => {
    const before = dumped(PEER_A);
    wg(["set", device, "peer", PEER_B, "persistent-keepalive", "25", "endpoint", "[2001:db8::7]:51820"]);
    // With a keepalive it tries to shake hands at once: what it sent so far is left out.
    const fields = dumped(PEER_B)?.split("\t") ?? [];
    expect([...fields.slice(0, 4), fields.at(-1)]).toEqual([PEER_B, PSK, "[2001:db8::7]:51820", "192.0.2.7/32", "25"]);
    expect(dumped(PEER_A)).toBe(before);
    wg(["set", device, "peer", PEER_B, "allowed-ips", "fd00::/8,192.0.2.7/32"]);
    expect(dumped(PEER_A)?.split("\t")[3]).toBe("10.0.0.0/8");
    wg(["set", device, "listen-port", "51996", "fwmark", "off"]);
    expect(wg(["show", device, "dump"]).split("\n")[0]?.split("\t").slice(2)).toEqual(["51996", "off"]);
    wg(["set", device, "peer", PEER_A, "remove"]);
    expect(wg(["show", device, "peers"]).trim()).toBe(PEER_B);
  });

  test("syncconf and addconf bring and take peers", () => {
    wg(["addconf", device, file(CONF.a)]);
    expect(wg(["show", device, "peers"]).trim().split("\n").toSorted()).toEqual([PEER_B, PEER_A].toSorted());
    wg(["syncconf", device, file(CONF.head, CONF.a)]);
    expect(shown()).toEqual(sections(CONF.head, CONF.a));
  });

  test("what cannot be is refused with its errno, and nothing of it is done", () => {
    const before = shown();
    const blocker = namespace.run(["python3", "-c", BLOCKED, device], { mayFail: true });
    expect(blocker.stdout).toMatch(/Unable to modify interface: Address already in use/);
    expect(shown()).toEqual(before);
  });
});
