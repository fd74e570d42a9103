import { spawnSync } from "node:child_process";
import { chmodSync, readFileSync, statSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { beforeEach, describe, expect, test } from "vitest";
import { useBuiltProgram } from "../support/built-program.ts";
import { sampleConfig } from "../support/config.ts";
import { temporaryFolder } from "../support/folder.ts";

const program = useBuiltProgram();

const PRIVATE = "0Kh9rIuds+SCV+CVWEySUqFtt94Ie0UW0tnYlBBTH2w=";
const CONFIG = (key: string): string =>
  sampleConfig(`tunnels:
  office:
    protocol: wireguard
    privateKey: { file: ${key} }
    addresses: [10.8.0.2/32]
    mtu: 1380
    peers:
      - { publicKey: cnYlvDj/DHWpzeBGlCJNLo4EOaBNHj0A9xYv9h2XaDo=, endpoint: "192.0.2.1:51820", allowedIPs: [0.0.0.0/0, "::/0"], persistentKeepalive: 25 }
default: { via: office }
killSwitch: { enabled: true }
dns: { servers: [10.8.0.1], via: office }
`);

let folder = "";
const at = (name: string): string => join(folder, name);
beforeEach(() => {
  folder = temporaryFolder("export");
  writeFileSync(at("key"), `${PRIVATE}\n`, { mode: 0o600 });
  writeFileSync(at("config.yaml"), CONFIG(at("key")));
});

function run(program: string, args: readonly string[]) {
  const { status, stdout, stderr, error } = spawnSync(program, args, {
    encoding: "utf8",
    timeout: 60_000,
    cwd: folder,
  });
  return { status, stdout, stderr, error };
}

function awg(args: readonly string[]) {
  const result = run(process.execPath, ["--disable-warning=ExperimentalWarning", program(), ...args]);
  expect(result.stdout + result.stderr).not.toContain(PRIVATE);
  return result;
}

const WG_QUICK = "wg-quick";
const hasWgQuick = spawnSync(WG_QUICK, ["--help"]).error === undefined;

describe("awg export", () => {
  test("to standard output without secrets; what is not in it is said", () => {
    const { status, stdout, stderr } = awg(["export", "-f", "config.yaml", "--host", "simulated"]);
    expect([status, stdout]).toEqual([0, expect.stringContaining("PrivateKey = (secret)\nAddress = 10.8.0.2/32")]);
    expect(stderr).toContain("killSwitch: note: is not in the conf");
  });

  test.skipIf(!hasWgQuick)("to a new file of mode 0600 that wg-quick takes (needs wg-quick)", () => {
    const args = ["export", "office", "-f", "config.yaml", "--out", "wg0.conf", "--host", "simulated"];
    expect(awg(args).status).toBe(0);
    expect(statSync(at("wg0.conf")).mode & 0o777).toBe(0o600);
    const stripped = run(WG_QUICK, ["strip", at("wg0.conf")]);
    expect([stripped.status, stripped.stdout]).toEqual([0, expect.stringContaining(`PrivateKey = ${PRIVATE}`)]);
    expect(stripped.stdout).not.toMatch(/Address|DNS|MTU/);
    // wg reads the whole text before it looks for the interface, which is not there.
    writeFileSync(at("stripped.conf"), stripped.stdout, { mode: 0o600 });
    const taken = run("wg", ["setconf", `q${process.pid}`, at("stripped.conf")]);
    expect(taken.stderr).toContain("Unable to modify interface");
    writeFileSync(at("stripped.conf"), `${stripped.stdout}Unheard = of\n`);
    expect(run("wg", ["setconf", `q${process.pid}`, at("stripped.conf")]).stderr).toContain("parsing error");
  });

  test("64 and 3: no such tunnel, and a key that cannot be used", () => {
    expect(awg(["export", "home", "-f", "config.yaml", "--host", "simulated"])).toMatchObject({
      status: 64,
      stderr: expect.stringContaining("name one of: office"),
    });
    chmodSync(at("key"), 0o644);
    const open = awg(["export", "-f", "config.yaml", "--out", "x.conf", "--host", "simulated"]);
    expect([open.status, open.stderr]).toEqual([3, expect.stringContaining("can be read by others")]);
    expect(() => readFileSync(at("x.conf"))).toThrow("ENOENT");
  });
});
