import { spawn, spawnSync } from "node:child_process";
import { once } from "node:events";
import { mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { useBuiltProgram } from "../../support/built-program.ts";
import { PEER_KEY, sampleConfig, writePrivateKey } from "../../support/config.ts";
import { temporaryFolder } from "../../support/folder.ts";
import {
  type CommandResult,
  commandObstacle,
  makeNamespace,
  namespaceObstacle,
  type TestNamespace,
  tunObstacle,
} from "../../support/netns.ts";

const obstacle = namespaceObstacle() ?? tunObstacle() ?? commandObstacle("ip", "wg");

/** Each tunnel: name, number of its device, UDP port. */
type Tunnels = readonly (readonly [string, number, number])[];

// Two sockets cannot share a port, nor two engines a device: whoever gives one up does so before the other takes it.
describe.skipIf(obstacle !== undefined)(`devices and ports handed on (${obstacle ?? "on this kernel"})`, () => {
  const program = useBuiltProgram();
  const folder = temporaryFolder("handed");
  const config = join(folder, "config.yaml");
  const deviceOf = (number: number | ""): string => `h${process.pid.toString(36)}x${number}`;
  let machine: TestNamespace;

  const tried = (...args: readonly string[]): CommandResult =>
    machine.run([process.execPath, program(), ...args, "--state-dir", join(folder, "state")], { mayFail: true });
  const awg = (...args: readonly string[]): string =>
    machine.run([process.execPath, program(), ...args, "--auto-approve", "--state-dir", join(folder, "state")]).stdout;

  /** The folder of the engines' sockets is one for all namespaces. */
  function standing(): string[] {
    const { stdout } = machine.run(["wg", "show", "all", "listen-port"]);
    return stdout
      .split("\n")
      .filter((line) => line.startsWith(deviceOf("")))
      .sort();
  }

  beforeAll(() => {
    machine = makeNamespace("handed");
    mkdirSync(join(folder, "state"), { mode: 0o700 });
    writePrivateKey(folder);
  });
  afterAll(() => {
    if (machine !== undefined) awg("destroy");
    machine?.[Symbol.dispose]();
  });

  const steps: Readonly<Record<string, Tunnels>> = {
    first: [
      ["one", 1, 51_820],
      ["two", 2, 51_821],
    ],
    "the ports exchanged": [
      ["one", 1, 51_821],
      ["two", 2, 51_820],
    ],
    "the device of the one and the port of the other to a third": [["new", 1, 51_820]],
  };

  test("law 4: a fixed port goes to the tunnel that the config gives it to", { timeout: 120_000 }, () => {
    for (const [what, tunnels] of Object.entries(steps)) {
      writeFileSync(config, configOf(tunnels));
      awg("apply", "-f", config);
      const wanted = tunnels.map(([, device, port]) => `${deviceOf(device)}\t${port}`).sort();
      expect(standing(), what).toEqual(wanted);
    }
  });

  test("law 6: a port in use by another program is a named conflict before any change; in another namespace it is free", {
    timeout: 120_000,
  }, async () => {
    const script = join(folder, "game.mjs");
    writeFileSync(
      script,
      `import { createSocket } from "node:dgram";
const [family, address] = process.argv.slice(2);
createSocket({ type: family, ipv6Only: family === "udp6" }).bind(51_900, address, () => console.log("bound"));`,
    );
    using elsewhere = makeNamespace("ports");
    const hold = async (namespace: string, ...socket: readonly string[]) => {
      const child = spawn("ip", ["netns", "exec", namespace, process.execPath, script, ...socket]);
      await once(child.stdout, "data");
      return child;
    };
    const other = await hold(elsewhere.name, "udp4", "0.0.0.0");
    try {
      writeFileSync(config, configOf([["new", 1, 51_900]]));
      const before = standing();
      for (const [socket, verbs] of [
        [
          ["udp4", "127.0.0.1"],
          [["plan"], ["diff"], ["apply", "--auto-approve"]],
        ],
        [["udp6", "::"], [["diff"]]],
      ] as const) {
        const holder = await hold(machine.name, ...socket);
        try {
          for (const verb of verbs) {
            const { status, stderr } = tried(...verb, "-f", config);
            expect([verb[0], status]).toEqual([verb[0], 8]);
            expect(stderr).toContain(
              `tunnel "new": UDP port 51900 is used by node game.mjs (process ${holder.pid}). Set \`listenPort\` to another value, or stop it; nothing was changed`,
            );
          }
          expect(standing()).toEqual(before);
        } finally {
          holder.kill();
          await once(holder, "exit");
        }
      }
      awg("apply", "-f", config);
      expect(standing()).toEqual([`${deviceOf(1)}\t51900`]);
      expect(tried("diff", "-f", config).status).toBe(0);
      // One that cannot be asked which port it has still is nobody else.
      process.kill(enginePid(), "SIGSTOP");
      try {
        expect(tried("diff", "-f", config).stderr).not.toContain("is used by");
      } finally {
        process.kill(enginePid(), "SIGCONT");
      }
    } finally {
      other.kill();
    }
  });

  function enginePid(): number {
    const pids = spawnSync("ip", ["netns", "pids", machine.name], { encoding: "utf8" }).stdout.split("\n");
    const textOf = (pid: string, file: string): string => readFileSync(`/proc/${pid}/${file}`, "utf8");
    const engines = pids
      .filter((pid) => pid !== "" && textOf(pid, "environ").includes("AWG_KEEPER_ENGINE="))
      // Another waits to become one.
      .filter((pid) => textOf(pid, "fdinfo/3").includes(`iff:\t${deviceOf(1)}`));
    expect(engines).toHaveLength(1);
    return Number(engines[0]);
  }

  function configOf(tunnels: Tunnels): string {
    const each = tunnels.map(
      ([name, device, port], index) => `  ${name}:
    protocol: wireguard
    engine: embedded
    interface: ${deviceOf(device)}
    listenPort: ${port}
    privateKey: { file: ${join(folder, "key")} }
    addresses: [10.8.${index}.2/32]
    peers: [{ publicKey: ${PEER_KEY}, endpoint: "192.0.2.1:51820", allowedIPs: [10.8.${index}.0/24] }]
`,
    );
    return sampleConfig(
      `name: handed\ntunnels:\n${each.join("")}default: { via: direct }\nkillSwitch: { enabled: false }\n`,
    );
  }
});
