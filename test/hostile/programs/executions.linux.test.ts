import { existsSync, rmSync, statSync, writeFileSync } from "node:fs";
import { basename, isAbsolute, join } from "node:path";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { loadConfig } from "../../../src/config/load-config.ts";
import { ROOT } from "../../repository/sources.ts";
import { SECOND_PEER_KEY } from "../../support/config.ts";
import { temporaryFolder } from "../../support/folder.ts";
import {
  commandObstacle,
  makeNamespace,
  namespaceObstacle,
  type TestNamespace,
  tunObstacle,
} from "../../support/netns.ts";
import { HOSTILE_STRINGS } from "../hostile-strings.ts";
import { endAllIn, executionsIn, runTraced } from "./executions.ts";

const obstacle = namespaceObstacle() ?? tunObstacle() ?? commandObstacle("strace", "nft", "wireguard-go");
const tunnel = `x${process.pid}`;
const device = `awg-${tunnel}`;

let space: TestNamespace;
let folder = "";
const at = (name: string): string => join(folder, name);

/** What a person writes freely is hostile: names of rules and peers, the name of the key's file. */
function configText(names: readonly string[], keyFile: string): string {
  const peer = {
    publicKey: SECOND_PEER_KEY,
    endpoint: "192.0.2.1:51820",
    allowedIPs: ["0.0.0.0/0"],
  };
  return JSON.stringify({
    apiVersion: "awg/v1",
    tunnels: {
      [tunnel]: {
        protocol: "wireguard",
        engine: "userspace",
        privateKey: { file: keyFile },
        addresses: ["10.8.0.2/32"],
        peers: [{ ...peer, name: names[0] }],
      },
    },
    rules: names.map((name, index) => ({
      name,
      destinations: [`10.${index >> 8}.${index & 255}.0/24`],
      via: index % 2 === 0 ? "block" : tunnel,
    })),
    default: { via: tunnel },
    killSwitch: { enabled: true },
  });
}

const isTaken = (name: string): boolean =>
  loadConfig([{ name: "a.json", text: configText([name], "/key") }]).config !== undefined;

describe.skipIf(obstacle !== undefined)(`programs that awg starts (${obstacle ?? "on this kernel"})`, () => {
  beforeEach(() => {
    space = makeNamespace("exec");
    folder = temporaryFolder("exec");
    space.run(["ip", "link", "add", "eth0", "type", "veth", "peer", "name", "far0"]);
    for (const name of ["eth0", "far0"]) space.run(["ip", "link", "set", name, "up"]);
    space.run(["ip", "address", "add", "192.168.9.2/24", "dev", "eth0"]);
    space.run(["ip", "route", "add", "default", "via", "192.168.9.1"]);
  });
  afterEach(() => {
    const inode = statSync(`/run/netns/${space.name}`).ino;
    endAllIn(space);
    space[Symbol.dispose]();
    rmSync(`/var/run/wireguard/${device}.sock`, { force: true });
    for (const left of [`netns-${inode}`, `lock.${inode}`])
      rmSync(`/run/awg/${left}`, { recursive: true, force: true });
  });

  test("D1: of an apply and a destroy with hostile texts each is named by its whole path, and none is a shell", {
    timeout: 240_000,
  }, async () => {
    const names = HOSTILE_STRINGS.filter(isTaken);
    expect(names.length).toBeGreaterThan(250);
    const keyFile = at(`key $(touch canary);'a' "b" \`touch canary\` | touch canary`);
    writeFileSync(keyFile, `${Buffer.alloc(32, 72).toString("base64")}\n`, { mode: 0o600 });
    writeFileSync(at("config.json"), configText(names, keyFile), { mode: 0o600 });
    const awg = [process.execPath, "--disable-warning=ExperimentalWarning", join(ROOT, "src/cli/awg.ts")];
    const rest = ["--auto-approve", "--state-dir", at("state")];
    expect(await runTraced(space, at("apply"), [...awg, "apply", "-f", at("config.json"), ...rest])).toBe(0);
    expect(space.run(["ip", "link", "show", device]).stdout).toContain(device);
    expect(await runTraced(space, at("destroy"), [...awg, "destroy", ...rest])).toBe(0);
    const executed = [...executionsIn(at("apply")), ...executionsIn(at("destroy"))];
    // awg twice and its keeper; the engine, which starts itself once more to be a daemon.
    const programs = executed.map(({ path }) => basename(path));
    expect(new Set(programs)).toEqual(new Set([basename(process.execPath), "wireguard-go"]));
    expect(programs.filter((program) => program !== "wireguard-go").length).toBe(3);
    expect(executed.filter(({ path }) => !isAbsolute(path))).toEqual([]);
    expect(executed.filter(({ argv }) => /"-c"|canary|flush ruleset/.test(argv))).toEqual([]);
    for (const where of [folder, ROOT, "/"]) expect(existsSync(join(where, "canary"))).toBe(false);
  });
});
