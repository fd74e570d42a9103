import { type ChildProcess, spawn } from "node:child_process";
import { randomBytes } from "node:crypto";
import { mkdirSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { publicKeyOf } from "../../../src/app/wg-tool/public-key.ts";
import { useBuiltProgram } from "../../support/built-program.ts";
import { sampleConfig } from "../../support/config.ts";
import { temporaryFolder } from "../../support/folder.ts";
import {
  commandObstacle,
  makeNamespace,
  namespaceObstacle,
  type TestNamespace,
  tunObstacle,
} from "../../support/netns.ts";

const obstacle = namespaceObstacle() ?? tunObstacle() ?? commandObstacle("ip", "ping", "setpriv");
const ENDS = ["near", "far"] as const;
const TUNNELS = ["a", "b"] as const;
type End = (typeof ENDS)[number];
type Tunnel = (typeof TUNNELS)[number];

const LONGEST_MS = 90_000;

/** Of both tunnels the default's is the narrower: neither the endpoints nor what the other carries is in its table. */
const CARRIED: Readonly<Record<Tunnel, string>> = { a: "10.8.0.0/16", b: "0.0.0.0/0" };
/** By the user alone the kernel cannot tell what an arriving packet answers. */
const AS_NOBODY = ["setpriv", "--reuid", "65534", "--regid", "65534", "--clear-groups"];

describe.skipIf(obstacle !== undefined)(
  `arriving packets pass Linux's reverse path check${obstacle === undefined ? "" : ` (${obstacle})`}`,
  { timeout: 400_000 },
  () => {
    const folder = temporaryFolder("arriving");
    const names = Object.fromEntries(
      TUNNELS.map((tunnel) => [tunnel, `${tunnel}${process.pid.toString(36)}`.slice(0, 8)]),
    ) as Record<Tunnel, string>;
    const keys = Object.fromEntries(
      ENDS.flatMap((end) => TUNNELS.map((tunnel) => [`${end} ${tunnel}`, randomBytes(32)])),
    ) as Record<`${End} ${Tunnel}`, Buffer>;
    const machines: Partial<Record<End, TestNamespace>> = {};
    let daemon: ChildProcess | undefined;
    let reported = "";

    const program = useBuiltProgram();
    const machine = (end: End) => machines[end] as TestNamespace;
    const nameOf = (end: End, tunnel: Tunnel) => `${names[tunnel]}${end === "near" ? "n" : "f"}`;
    const publicKey = (end: End, tunnel: Tunnel) =>
      Buffer.from(publicKeyOf(keys[`${end} ${tunnel}`])).toString("base64");
    const awg = (end: End, ...args: readonly string[]) => [
      process.execPath,
      program(),
      ...args,
      "--state-dir",
      join(folder, end),
    ];

    function tunnelText(end: End, tunnel: Tunnel): string {
      const keyFile = join(folder, `${end}-${tunnel}.key`);
      writeFileSync(keyFile, `${keys[`${end} ${tunnel}`].toString("base64")}\n`, { mode: 0o600 });
      const net = tunnel === "a" ? "10.8.0" : "10.9.0";
      const port = tunnel === "a" ? 51_820 : 51_821;
      const other = publicKey(end === "near" ? "far" : "near", tunnel);
      const peer =
        end === "near"
          ? `{ publicKey: "${other}", endpoint: "192.0.2.1:${port}", allowedIPs: [${CARRIED[tunnel]}], persistentKeepalive: 1 }`
          : `{ publicKey: "${other}", allowedIPs: [${net}.2/32] }`;
      return `  ${nameOf(end, tunnel)}:
    protocol: wireguard
    engine: embedded
    listenPort: ${end === "near" ? 0 : port}
    privateKey: { file: ${keyFile} }
    addresses: [${net}.${end === "near" ? 2 : 1}/24]
    peers: [${peer}]
`;
    }

    function config(end: End, rest: string): string {
      const path = join(folder, `${end}.yaml`);
      const tunnels = TUNNELS.map((tunnel) => tunnelText(end, tunnel)).join("");
      writeFileSync(path, sampleConfig(`tunnels:\n${tunnels}${rest}`), { mode: 0o600 });
      return path;
    }

    beforeAll(() => {
      for (const end of ENDS) {
        machines[end] = makeNamespace(end);
        mkdirSync(join(folder, end), { mode: 0o700 });
      }
      machine("near").run([
        "ip",
        "link",
        "add",
        "up0",
        "type",
        "veth",
        "peer",
        "name",
        "up1",
        "netns",
        machine("far").name,
      ]);
      for (const [end, device, octet] of [
        ["near", "up0", 2],
        ["far", "up1", 1],
      ] as const) {
        machine(end).run(["ip", "addr", "add", `192.0.2.${octet}/24`, "dev", device]);
        machine(end).run(["ip", "link", "set", device, "up"]);
      }
      machine("near").run(["ip", "route", "add", "default", "via", "192.0.2.1"]);
      const listening = config("far", "default: { via: direct }\n");
      machine("far").run(awg("far", "apply", "-f", listening, "--auto-approve", "--confirm-within", "0"));
      const rest = `rules: [{ name: nobodys, users: [nobody], via: ${nameOf("near", "b")} }]
default: { via: ${nameOf("near", "a")} }
killSwitch: { enabled: true }
`;
      const [command = "", ...words] = awg("near", "daemon", "--foreground", "-f", config("near", rest));
      daemon = spawn("ip", ["netns", "exec", machine("near").name, command, ...words]);
      daemon.stderr?.setEncoding("utf8").on("data", (text: string) => {
        reported += text;
      });
    }, 400_000);

    afterAll(() => {
      daemon?.kill("SIGKILL");
      for (const end of ENDS) {
        if (machines[end] === undefined) continue;
        machine(end).run(awg(end, "destroy", "--auto-approve"), { mayFail: true });
        machine(end)[Symbol.dispose]();
        for (const tunnel of TUNNELS) rmSync(`/var/run/wireguard/awg-${nameOf(end, tunnel)}.sock`, { force: true });
      }
    }, 400_000);

    /** How many packets the kernel dropped for want of a way to their sender (TcpExt of /proc/net/netstat). */
    function refused(): number {
      const lines = machine("near").run(["cat", "/proc/net/netstat"]).stdout.split("\n");
      const [words = [], numbers = []] = lines
        .filter((line) => line.startsWith("TcpExt:"))
        .map((line) => line.split(" "));
      return Number(numbers[words.indexOf("IPReversePathFilter")]);
    }

    async function until(what: string, holds: () => boolean): Promise<void> {
      const end = performance.now() + LONGEST_MS;
      while (!holds()) {
        if (performance.now() > end) {
          throw new Error(`${what} did not come; ${refused()} packets were refused; the daemon reported:\n${reported}`);
        }
        await new Promise((done) => setTimeout(done, 100));
      }
    }

    const reaches = (address: string, as: readonly string[] = []): Promise<void> =>
      until(
        `an answer of ${address}`,
        () => machine("near").run([...as, "ping", "-c", "1", "-W", "1", address], { mayFail: true }).status === 0,
      );

    test("from endpoints outside the default's table, and of a second tunnel for a user", async () => {
      // Until the policy rules stand, packets are looked up in the main table, which knows everybody.
      await until("the configuration", () => reported.includes("in sync"));
      await reaches("10.8.0.1");
      await reaches("10.9.0.1", AS_NOBODY);
      expect(refused()).toBe(0);
    });

    test("an ARP request of a neighbour for this host's address", async () => {
      machine("far").run(["ip", "neighbour", "flush", "dev", "up1"]);
      expect(machine("far").run(["ping", "-c", "1", "-W", "1", "192.0.2.2"], { mayFail: true }).status).not.toBe(0);
      const { stdout } = machine("far").run(["ip", "neighbour", "show", "192.0.2.2"]);
      expect(stdout).toContain("lladdr");
    });

    test("law 4: a reply to the engine of a deleted device", async () => {
      for (let time = 1; time <= 3; time += 1) {
        machine("near").run(["ip", "link", "delete", `awg-${nameOf("near", "a")}`]);
        await reaches("10.8.0.1");
      }
      expect(refused()).toBe(0);
      expect(reported).not.toContain("is held by");
    });
  },
);
