import { type ChildProcess, spawn, spawnSync } from "node:child_process";
import { copyFileSync, existsSync, mkdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterEach, beforeAll, beforeEach, describe, expect, test } from "vitest";
import { ROOT } from "../repository/sources.ts";
import { useBuiltProgram } from "../support/built-program.ts";
import { temporaryFolder } from "../support/folder.ts";
import {
  commandObstacle,
  makeNamespace,
  namespaceObstacle,
  type TestNamespace,
  tunObstacle,
} from "../support/netns.ts";

const obstacle = namespaceObstacle() ?? tunObstacle();
const QUICK = "/usr/bin/wg-quick";
const quickObstacle = existsSync(QUICK) ? commandObstacle("bash", "nft", "sysctl") : "needs wg-quick";
const ENGINE = join(ROOT, "test/dataplane/scripts/engine.script.ts");
const KEY = "6ExP3nmQKy2gj2thHtI1HYAV1b5mYpTb2xiZ+Wq0eWI=";
const MASK = "o1wI4tOv7GjLZTfvgD0nvdxKeI1DJTXKAp+cXVIHMnM=";
const PEER = "FlvAqMEDgE1D9nFQZpiqwXXMClm0Wc/Ga1r7TzmoGkk=";
const HEAD = ["[Interface]", "ListenPort = 51993", `PrivateKey = ${KEY}`];
const PEER_LINES = ["[Peer]", `PublicKey = ${PEER}`, "AllowedIPs = 10.0.0.0/8, fd00::/8", "Endpoint = 192.0.2.1:51820"];

const SINCE_1_0 = ["Jc = 4", "Jmin = 40", "Jmax = 70", "S1 = 72", "S2 = 40"];
const ONE_WORD = ["H1 = 1000", "H2 = 3000", "H3 = 98234", "H4 = 100000"];
const RANGES = ["H1 = 1000-2000", "H2 = 3000-4000", "H3 = 98234", "H4 = 100000-900000"];
const MORE_PADDING = ["S3 = 24", "S4 = 16"];
const PACKETS = ["I1 = <b 0xc0ff><r 8><t>", "I2 = <r 30>", "I3 = <r 31>", "I4 = <r 32>", "I5 = <r 33>"];
const SINCE_3_0 = [
  ["ContentPaddingAddition = 0-32", "RekeyAfterTime = 100-120", "RekeyTimeout = 3-7", "RejectAfterTime = 160-180"],
  ["KeepaliveTimeout = 8-12", "MaxHandshakeAttempts = 10-20", `HeaderProtectionKey = ${MASK}`],
].flat();
/** Every key of each generation, and one that `set` changes: its word, its new value, its line after that. */
const GENERATIONS: readonly [string, readonly string[], readonly [string, string, string]][] = [
  ["1.0", [...SINCE_1_0, ...ONE_WORD], ["jc", "6", "Jc = 6"]],
  [
    "1.5",
    [...SINCE_1_0, ...MORE_PADDING, ...ONE_WORD, ...PACKETS, "J1 = <r 5>", "J2 = <r 6>", "J3 = <c>", "Itime = 60"],
    ["i5", "<b 0x00>", "I5 = <b 0x00>"],
  ],
  ["2.0", [...SINCE_1_0, ...MORE_PADDING, ...RANGES, ...PACKETS], ["h4", "100000-900001", "H4 = 100000-900001"]],
  ["3.0", [...SINCE_1_0, ...MORE_PADDING, ...RANGES, ...PACKETS, ...SINCE_3_0], ["s4", "17", "S4 = 17"]],
  [
    "3.1",
    [SINCE_1_0, MORE_PADDING, RANGES, PACKETS, SINCE_3_0, ["RandomTrailers = on", "DisableCookies = on"]].flat(),
    ["rekey-timeout", "4-9", "RekeyTimeout = 4-9"],
  ],
];

describe.skipIf(obstacle !== undefined)(`the awg tool's verbs on awg's own engine (${obstacle ?? "built"})`, () => {
  const program = useBuiltProgram();
  const folder = temporaryFolder("t-own");
  let namespace: TestNamespace;
  let device = "";
  let made = 0;
  let engine: ChildProcess | undefined;

  const awg = (words: readonly string[], input = "") =>
    spawnSync(process.execPath, [program(), ...words], { encoding: "utf8", input, timeout: 60_000 });
  function must(words: readonly string[]): string {
    const { status, stdout, stderr } = awg(words);
    expect([words[0], status, stderr]).toEqual([words[0], 0, ""]);
    return stdout;
  }
  function file(name: string, ...lines: readonly string[]): string {
    const path = join(folder, name);
    writeFileSync(path, `${lines.join("\n")}\n`, { mode: 0o600 });
    return path;
  }
  /** The lines of each section, in whatever order. */
  const shown = () =>
    must(["showconf", device])
      .trim()
      .split("\n\n")
      .map((section) => section.split("\n").toSorted());
  const sections = (...parts: readonly (readonly string[])[]) => parts.map((part) => part.toSorted());

  beforeAll(() => mkdirSync("/var/run/wireguard", { recursive: true }));
  beforeEach(() => {
    namespace = makeNamespace("own-tool");
    device = `awo${made++}-${process.pid % 100_000}`;
    rmSync(`/var/run/wireguard/${device}.sock`, { force: true });
  });
  afterEach(() => {
    engine?.kill("SIGKILL");
    engine = undefined;
    const { stdout } = spawnSync("ip", ["netns", "pids", namespace.name], { encoding: "utf8" });
    for (const pid of stdout.split("\n").filter(Boolean)) spawnSync("kill", ["-9", pid]);
    namespace[Symbol.dispose]();
    rmSync(`/var/run/wireguard/${device}.sock`, { force: true });
  });

  test("setconf, set, show, syncconf and addconf carry every key of every generation, and refuse what validate refuses", async () => {
    const argv = ["netns", "exec", namespace.name, process.execPath, ENGINE, device];
    engine = spawn("ip", argv, { stdio: ["ignore", "ignore", "inherit"] });
    await expect.poll(() => existsSync(`/var/run/wireguard/${device}.sock`), { timeout: 30_000 }).toBe(true);
    for (const [generation, keys, [word, value, line]] of GENERATIONS) {
      must(["setconf", device, file("conf", ...HEAD, ...keys, ...PEER_LINES)]);
      expect([generation, shown()]).toEqual([generation, sections([...HEAD, ...keys], PEER_LINES)]);
      must(["set", device, word, value]);
      const changed = keys.map((key) => (key.split(" ")[0] === line.split(" ")[0] ? line : key));
      expect(shown()).toEqual(sections([...HEAD, ...changed], PEER_LINES));
    }
    expect(must(["show", device, "rekey-timeout"]).trim()).toBe("4-9");
    const [, keys = []] = GENERATIONS.at(-1) ?? [];
    must(["syncconf", device, file("sync", ...HEAD, ...keys)]);
    expect(shown()).toEqual(sections([...HEAD, ...keys]));
    must(["addconf", device, file("add", ...PEER_LINES)]);
    expect(shown()).toEqual(sections([...HEAD, ...keys], PEER_LINES));
    for (const words of [
      ["jmin", "71"],
      ["i1", "<t 5>"],
      ["h1", "3000"],
    ])
      expect([words, awg(["set", device, "listen-port", "51992", ...words]).status]).toEqual([words, 1]);
    expect(shown()).toEqual(sections([...HEAD, ...keys], PEER_LINES));
    must(["setconf", device, file("plain", ...HEAD)]);
    expect(shown()).toEqual(sections(HEAD));
  });

  /** Debian's script prefers what lies beside itself, so that its `wg` is this one, and its kernel has no WireGuard. */
  test.skipIf(quickObstacle !== undefined)(`wg-quick finds what it expects (${quickObstacle ?? "Debian's"})`, () => {
    const started = `setsid "${process.execPath}" "${ENGINE}" "$1" </dev/null >/dev/null 2>&1 &`;
    const socket = "/var/run/wireguard/$1.sock";
    const scripts = {
      wg: `exec "${process.execPath}" "${program()}" "$@"`,
      ip: `case "$*" in *"type wireguard") exit 2 ;; esac\nPATH=/usr/sbin:/sbin:/usr/bin:/bin\nexec ip "$@"`,
      engine: `${started}\nn=0\nuntil [ -S "${socket}" ] || [ $n = 600 ]; do sleep 0.05; n=$((n + 1)); done`,
    };
    for (const [name, text] of Object.entries(scripts))
      writeFileSync(join(folder, name), `#!/bin/sh\n${text}\n`, { mode: 0o755 });
    copyFileSync(QUICK, join(folder, "wg-quick"));
    const [, keys = []] = GENERATIONS[2] ?? [];
    const whole = PEER_LINES.map((line) => (line.startsWith("AllowedIPs") ? "AllowedIPs = 0.0.0.0/0, ::/0" : line));
    const address = ["Address = 10.77.0.2/24", "MTU = 1300"];
    const conf = file(`${device}.conf`, ...HEAD, ...address, ...keys, ...whole);
    const quick = (verb: string) =>
      namespace.run(
        ["env", `WG_QUICK_USERSPACE_IMPLEMENTATION=${folder}/engine`, "bash", join(folder, "wg-quick"), verb, conf],
        { timeoutMs: 100_000 },
      );
    quick("up");
    const held = sections([...HEAD, "FwMark = 0xca6c", ...keys], whole);
    expect(shown()).toEqual(held);
    expect(namespace.run(["ip", "-4", "rule"]).stdout).toContain("not from all fwmark 0xca6c lookup 51820");
    expect(namespace.run(["ip", "-4", "route", "show", "table", "51820"]).stdout).toContain(`default dev ${device}`);
    quick("save");
    const saved = readFileSync(conf, "utf8").trim().split("\n\n");
    expect(saved[0]?.split("\n")).toEqual(expect.arrayContaining([...(held[0] ?? []), "Address = 10.77.0.2/24"]));
    expect(saved[1]?.split("\n").toSorted()).toEqual(held[1]);
    quick("down");
    expect(namespace.run(["ip", "link", "show", device], { mayFail: true }).status).not.toBe(0);
    expect(namespace.run(["ip", "-4", "rule"]).stdout).not.toContain("51820");
  });
});
