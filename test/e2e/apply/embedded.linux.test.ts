import { spawn } from "node:child_process";
import { randomBytes } from "node:crypto";
import { once } from "node:events";
import { existsSync, mkdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { publicKeyOf } from "../../../src/app/wg-tool/public-key.ts";
import { ROOT } from "../../repository/sources.ts";
import { sampleConfig } from "../../support/config.ts";
import { temporaryFolder } from "../../support/folder.ts";
import {
  commandObstacle,
  makeNamespace,
  namespaceObstacle,
  type TestNamespace,
  tunObstacle,
} from "../../support/netns.ts";

const obstacle = namespaceObstacle() ?? tunObstacle() ?? commandObstacle("ip", "nft", "wg", "ping");
const noStrace = commandObstacle("strace");
const program = [process.execPath, "--disable-warning=ExperimentalWarning", join(ROOT, "src/cli/awg.ts")];
const PARAMETERS = `{ version: "3.1", jc: 4, jmin: 40, jmax: 70, s1: 72, s2: 40, s3: 30, s4: 12, h1: 1, h2: 2, h3: 3, h4: 4,
      i1: "<r 2><b 0x8580>", randomTrailers: true, headerProtectionKey: { file: FOLDER/header } }`;

/** Two machines, both with the embedded engine and no other program, AmneziaWG 3.1 between them. */
describe.skipIf(obstacle !== undefined)(
  `the embedded engine (${obstacle ?? "both ends"})`,
  { timeout: 400_000 },
  () => {
    const folder = temporaryFolder("embedded");
    const name = `m${process.pid.toString(36)}`.slice(0, 10);
    const keys = { client: randomBytes(32), server: randomBytes(32) };
    let client: TestNamespace;
    let server: TestNamespace;

    const machineOf = (which: "client" | "server") => (which === "client" ? client : server);
    const tunnelOf = (which: "client" | "server") => `${name}${which === "client" ? "c" : "s"}`;
    function awg(which: "client" | "server", ...args: readonly string[]) {
      const argv = [...program, ...args, "--state-dir", join(folder, which)];
      return machineOf(which).run(argv, { mayFail: true, timeoutMs: 110_000 });
    }
    function must(which: "client" | "server", ...args: readonly string[]): string {
      const { status, stdout, stderr } = awg(which, ...args);
      expect([args[0], status], stderr).toEqual([args[0], 0]);
      return stdout;
    }
    const peerOf = (which: "client" | "server") => Buffer.from(publicKeyOf(keys[which])).toString("base64");
    const farPeer = () =>
      `{ publicKey: "${peerOf("server")}", endpoint: "192.0.2.1:51820", allowedIPs: [0.0.0.0/0, "::/0"], persistentKeepalive: 1 }`;
    const reaches = () =>
      ["10.8.0.1", "fd08::1"].map(
        (address) => client.run(["ping", "-c", "1", "-W", "2", address], { mayFail: true }).status,
      );
    async function until(holds: () => boolean): Promise<void> {
      for (let tries = 0; tries < 60 && !holds(); tries += 1) await new Promise((done) => setTimeout(done, 500));
      expect(holds()).toBe(true);
    }
    /** Processes of this test's own tunnels only. */
    const engines = () =>
      client
        .run(["pgrep", "-f", `engine awg-${tunnelOf("client")}$`], { mayFail: true })
        .stdout.split("\n")
        .filter(Boolean);

    function config(which: "client" | "server", rest: string, peer: string): string {
      const path = join(folder, `${which}.yaml`);
      const octet = which === "client" ? 2 : 1;
      const text = sampleConfig(`tunnels:
  ${tunnelOf(which)}:
    protocol: amneziawg
    engine: embedded
    listenPort: ${which === "client" ? 0 : 51_820}
    privateKey: { file: ${join(folder, `${which}.key`)} }
    addresses: [10.8.0.${octet}/24, fd08::${octet}/64]
    obfuscation: ${PARAMETERS.replace("FOLDER", folder)}
    peers: [${peer}]
${rest}`);
      writeFileSync(path, text, { mode: 0o600 });
      return path;
    }

    beforeAll(() => {
      client = makeNamespace("client");
      server = makeNamespace("server");
      client.run(["ip", "link", "add", "up0", "type", "veth", "peer", "name", "up1", "netns", server.name]);
      for (const [machine, device, octet] of [
        [client, "up0", 2],
        [server, "up1", 1],
      ] as const) {
        machine.run(["ip", "addr", "add", `192.0.2.${octet}/24`, "dev", device]);
        machine.run(["ip", "link", "set", device, "up"]);
      }
      client.run(["ip", "route", "add", "default", "via", "192.0.2.1"]);
      writeFileSync(join(folder, "header"), `${randomBytes(32).toString("base64")}\n`, { mode: 0o600 });
      for (const which of ["client", "server"] as const) {
        mkdirSync(join(folder, which), { mode: 0o700 });
        writeFileSync(join(folder, `${which}.key`), `${keys[which].toString("base64")}\n`, { mode: 0o600 });
      }
      const guest = `{ publicKey: "${peerOf("client")}", allowedIPs: [10.8.0.2/32, "fd08::2/128"] }`;
      const listens = config("server", "default: { via: direct }\n", guest);
      must("server", "apply", "-f", listens, "--auto-approve", "--confirm-within", "0");
      const rest = `default: { via: ${tunnelOf("client")} }\nkillSwitch: { enabled: true }\n`;
      must("client", "apply", "-f", config("client", rest, farPeer()), "--auto-approve", "--confirm-within", "0");
    }, 400_000);

    afterAll(() => {
      for (const which of ["client", "server"] as const) {
        if (machineOf(which) === undefined) continue;
        awg(which, "destroy", "--auto-approve");
        machineOf(which)[Symbol.dispose]();
        rmSync(`/var/run/amneziawg/awg-${tunnelOf(which)}.sock`, { force: true });
      }
    }, 400_000);

    test("carries IPv4 and IPv6, and the next plan is empty", async () => {
      await until(() => reaches().every((status) => status === 0));
      expect(awg("client", "diff", "-f", join(folder, "client.yaml"))).toMatchObject({ status: 0 });
      const shown = must("client", "get", "--json");
      expect(shown).toContain('"engine":"embedded"');
      expect(shown).not.toContain(keys.client.toString("base64"));
    });

    test("law 1: killed, it restarts; the kernel enforces the policy in between", async () => {
      const [pid] = engines();
      await until(() => processesIn(client, "\0engine\0standby\0").length === 1);
      const [standby] = processesIn(client, "\0engine\0standby\0");
      client.run(["kill", "-9", pid ?? "none"]);
      expect(client.run(["nft", "list", "table", "inet", "awg"]).stdout).toContain("chain leaving");
      await until(() => engines().some((one) => one !== pid) && reaches().every((status) => status === 0));
      expect(engines()).toEqual([standby]);
    });

    test.skipIf(noStrace !== undefined)(
      `law 1: after an error in its packet thread it exits and restarts (${noStrace ?? "a kernel that lies"})`,
      async () => {
        const [pid = "none"] = engines();
        // The kernel claims to have received more messages than there is room for; what reads them steps out of its memory.
        const witness = join(folder, "strace");
        const lie = ["-e", "trace=recvmmsg,write", "-e", "inject=recvmmsg:retval=100000:when=1"];
        const strace = spawn("strace", ["-f", "-s", "300", "-o", witness, "-p", pid, ...lie], { stdio: "ignore" });
        const ended = once(strace, "exit");
        const ping = ["ping", "-c", "1", "-W", "1", "10.8.0.1"];
        try {
          await until(() => {
            client.run(ping, { mayFail: true });
            return !existsSync(`/proc/${pid}`);
          });
        } finally {
          strace.kill("SIGTERM");
          await ended;
        }
        const seen = readFileSync(witness, "utf8").match(/Offset is outside the bounds|the packet thread ended/g);
        expect(seen).toEqual(["Offset is outside the bounds", "the packet thread ended"]);
        expect(client.run(["nft", "list", "table", "inet", "awg"]).stdout).toContain("chain leaving");
        await until(() => engines().length === 1 && reaches().every((status) => status === 0));
      },
    );

    test("a dead keeper does not interrupt it; the next keeper adopts it", async () => {
      const [pid] = engines();
      for (const keeper of processesIn(client, "\0keeper\0")) client.run(["kill", "-9", keeper]);
      await until(() => processesIn(client, "\0engine\0standby\0").length === 0);
      expect(reaches()).toEqual([0, 0]);
      must("client", "apply", "-f", join(folder, "client.yaml"), "--auto-approve", "--confirm-within", "0");
      expect(engines()).toEqual([pid]);
      expect(reaches()).toEqual([0, 0]);
    });

    test("an engine announced to a running keeper is loaded at its first request", () => {
      const path = config(
        "client",
        `default: { via: ${tunnelOf("client")} }\nkillSwitch: { enabled: true }\n`,
        farPeer(),
      );
      const spare = `${tunnelOf("client").slice(0, 9)}x`;
      const key = join(folder, "spare.key");
      writeFileSync(key, `${randomBytes(32).toString("base64")}\n`, { mode: 0o600 });
      const more = `tunnels:\n  ${spare}: { protocol: wireguard, engine: embedded, privateKey: { file: ${key} }, addresses: [10.9.0.2/32], peers: [{ publicKey: "${peerOf("server")}", allowedIPs: [10.9.0.0/24] }] }`;
      const text = readFileSync(join(folder, "client.yaml"), "utf8").replace("tunnels:", more);
      writeFileSync(path, text, { mode: 0o600 });
      must("client", "apply", "-f", path, "--auto-approve", "--confirm-within", "0");
      const [pid] = client.run(["pgrep", "-f", `engine awg-${spare}$`]).stdout.split("\n");
      expect(readFileSync(`/proc/${pid}/environ`, "utf8")).toContain("AWG_ENGINE_AWAITS_DESCRIPTORS=1");
      expect(client.run(["wg", "show", `awg-${spare}`]).stdout).toContain("public key");
      expect(awg("client", "diff", "-f", path)).toMatchObject({ status: 0 });
      expect(reaches()).toEqual([0, 0]);
    });

    test("law 6: destroy ends it and removes its device and socket", () => {
      must("client", "destroy", "--auto-approve");
      expect(engines()).toEqual([]);
      expect(processesIn(client, "\0engine\0")).toEqual([]);
      expect(client.run(["ip", "-o", "link"]).stdout).not.toContain(tunnelOf("client"));
    });
  },
);

function processesIn(machine: TestNamespace, words: string): string[] {
  const pids = machine.run(["ip", "netns", "pids", machine.name]).stdout.split("\n").filter(Boolean);
  return pids.filter((pid) => {
    const command = machine.run(["cat", `/proc/${pid}/cmdline`], { mayFail: true }).stdout;
    return command.includes(words);
  });
}
