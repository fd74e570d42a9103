import { spawnSync } from "node:child_process";
import { chmodSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { beforeAll, describe, expect, test } from "vitest";
import type { SourceFile } from "../../src/app/load/loaded-config.ts";
import { renderProblem } from "../../src/config/problem.ts";
import { AwgError } from "../../src/model/error.ts";
import { useBuiltProgram } from "../support/built-program.ts";
import { PEER_KEY, sampleConfig, THIRD_PEER_KEY, tunnelConfig } from "../support/config.ts";
import { temporaryFolder } from "../support/folder.ts";
import { openTestSession } from "../support/test-session.ts";
import { canariesIn, keyCanary, leakingFiles, modeOf, passwordCanary } from "./canary.ts";

const program = useBuiltProgram();

const fileKey = keyCanary("key in a file");
const fileKey2 = keyCanary("key of another tunnel");
const environmentPsk = keyCanary("psk in the environment");
const inlinePsk = keyCanary("psk inline");
const maskKey = keyCanary("mask");
const password = passwordCanary("password");
const CANARIES = [fileKey, fileKey2, environmentPsk, inlinePsk, maskKey, password];

let folder = "";
const at = (name: string): string => join(folder, name);

const CONFIG = (): string =>
  tunnelConfig({
    keyFile: at("office.key"),
    peer: "presharedKey: { env: AWG_TEST_PSK }",
    otherTunnels: `  home:
    protocol: amneziawg
    privateKey: { file: ${at("home.key")} }
    addresses: [10.9.0.2/32]
    obfuscation: { s1: 33, s2: 47, s3: 21, s4: 12, headerProtectionKey: { file: ${at("home.mask")} } }
    peers: [{ publicKey: ${THIRD_PEER_KEY}, presharedKey: ${inlinePsk.base64}, endpoint: "192.0.2.2:51820", allowedIPs: [10.9.0.0/24] }]
rules: [{ destinations: [10.9.0.0/24], via: home }]
`,
  });

function awg(...args: readonly string[]) {
  const argv = ["--disable-warning=ExperimentalWarning", program(), ...args];
  const { status, stdout, stderr } = spawnSync(process.execPath, argv, {
    encoding: "utf8",
    timeout: 60_000,
    cwd: folder,
    env: { ...process.env, AWG_TEST_PSK: environmentPsk.base64 },
  });
  return { status, stdout, stderr };
}

const simulated = (): readonly string[] => ["--host", `simulated:${at("machine.json")}`];

beforeAll(() => {
  folder = temporaryFolder("canary");
  writeFileSync(at("office.key"), `${fileKey.base64}\n`, { mode: 0o600 });
  writeFileSync(at("home.key"), `${fileKey2.base64}\n`, { mode: 0o600 });
  writeFileSync(at("home.mask"), `${maskKey.base64}\n`, { mode: 0o600 });
  writeFileSync(at("config.yaml"), CONFIG(), { mode: 0o600 });
});

test("the search finds each canary where it was put on purpose", () => {
  expect(leakingFiles(folder, CANARIES)).toEqual([
    `config.yaml: ${inlinePsk.name}`,
    `home.key: ${fileKey2.name}`,
    `home.mask: ${maskKey.name}`,
    `office.key: ${fileKey.name}`,
  ]);
  expect(canariesIn(`x ${environmentPsk.base64.slice(0, 14)}`, CANARIES)).toEqual([environmentPsk.name]);
  expect(canariesIn(encodeURIComponent(password.text), CANARIES)).toEqual([password.name]);
});

describe("law 8: no secret leaves, whatever is asked", () => {
  test.each<[number, readonly string[]]>([
    [0, ["validate", "--json"]],
    [0, ["plan", "--out", "saved.plan"]],
    [0, ["plan", "--json", "--debug"]],
    [0, ["render", "--for", "linux"]],
    [0, ["export", "office"]],
    [0, ["apply", "--auto-approve", "--json-stream", "--debug"]],
  ])("exit %i: awg %j", (code, args) => {
    const { status, stdout, stderr } = awg(...args, "-f", "config.yaml", ...simulated());
    expect([status, canariesIn(stdout + stderr, CANARIES)]).toEqual([code, []]);
    expect((stdout + stderr).length).toBeGreaterThan(10);
  });

  test.each<[number, readonly string[]]>([
    [0, ["status"]],
    [0, ["get", "--json"]],
    [0, ["doctor", "--json"]],
    [0, ["destroy", "--auto-approve", "--json"]],
  ])("exit %i: awg %j", (code, args) => {
    const { status, stdout, stderr } = awg(...args, ...simulated());
    expect([status, canariesIn(stdout + stderr, CANARIES)]).toEqual([code, []]);
  });

  test("after all that, secrets are in the files of mode 0600 that are for them, and in no other", () => {
    const leaking = leakingFiles(folder, CANARIES).filter(
      (file) => !/^(config\.yaml|home\.key|home\.mask|office\.key):/.test(file),
    );
    const secret = /^machine\.json\.state\/secrets\/[0-9a-f]{64}: /;
    expect(leaking.filter((file) => !secret.test(file))).toEqual([]);
    expect(leaking.map((file) => file.slice(file.indexOf(": ") + 2)).sort()).toEqual(
      [environmentPsk, fileKey, fileKey2, inlinePsk, maskKey].map(({ name }) => name).sort(),
    );
    for (const file of leaking) expect(modeOf(join(folder, file.slice(0, file.indexOf(": "))))).toBe(0o600);
  });
});

describe("law 8: nor does an error repeat one", () => {
  const tunnelWith = (field: string, protocol = "wireguard"): string =>
    sampleConfig(
      `tunnels:\n  a:\n    protocol: ${protocol}\n    ${field}\ndefault: { via: direct }\nkillSwitch: { enabled: true }\n`,
    );
  const peers = `peers: [{ publicKey: ${PEER_KEY}, endpoint: "192.0.2.1:51820", allowedIPs: [0.0.0.0/0] }]`;

  test.each<[string, () => string]>([
    ["a key where its file's name belongs", () => tunnelWith(`privateKey: { file: ${fileKey.base64} }\n    ${peers}`)],
    [
      "a key where a variable's name belongs",
      () => tunnelWith(`privateKey: { env: "${fileKey.base64}" }\n    ${peers}`),
    ],
    ["a key that is cut", () => tunnelWith(`privateKey: ${fileKey.base64.slice(0, 40)}\n    ${peers}`)],
    ["a key file with too much in it", () => tunnelWith(`privateKey: { file: ${at("long.key")} }\n    ${peers}`)],
    ["a variable that holds no key", () => tunnelWith(`privateKey: { env: AWG_TEST_BAD }\n    ${peers}`)],
    [
      "header protection",
      () =>
        tunnelWith(
          `privateKey: { file: ${at("office.key")} }\n    obfuscation: { s1: 33, s2: 47, s3: 21, s4: 12, headerProtectionKey: ${maskKey.base64} }\n    ${peers}`,
          "amneziawg",
        ),
    ],
    [
      "a proxy, which has no driver",
      () =>
        tunnelWith(
          `server: "192.0.2.1:1080"\n    auth: { username: me, password: ${JSON.stringify(password.text)} }`,
          "socks5",
        ),
    ],
  ])("%s", async (_what, text) => {
    const source = { name: at("bad.yaml"), text: text(), mode: 0o600 };
    const said = await saidOf(source, { AWG_TEST_BAD: `${fileKey.base64}x` });
    expect(said.length).toBeGreaterThan(20);
    expect(canariesIn(said, CANARIES)).toEqual([]);
  });

  test("a key file that others may read is refused without a word of its contents", async () => {
    chmodSync(at("office.key"), 0o644);
    const source = { name: at("config.yaml"), text: CONFIG(), mode: 0o600 };
    const said = await saidOf(source, { AWG_TEST_PSK: environmentPsk.base64 });
    chmodSync(at("office.key"), 0o600);
    expect([said.includes("office.key"), canariesIn(said, CANARIES)]).toEqual([true, []]);
  });

  /** All that a plan of it says, problems and the error with its stack. */
  async function saidOf(source: SourceFile, environment: NodeJS.ProcessEnv): Promise<string> {
    writeFileSync(at("long.key"), `${fileKey.base64}${fileKey2.base64}\n`, { mode: 0o600 });
    await using session = await openTestSession({
      host: { kind: "simulated" },
      allowInsecurePermissions: false,
      environment,
    });
    const loaded = await session.load([source]);
    const said = loaded.problems.map(
      (one) => renderProblem(one, { color: false, excerpt: true }) + JSON.stringify(one),
    );
    try {
      const { plan, notes } = await session.plan(loaded);
      said.push(JSON.stringify({ plan, notes }));
    } catch (error) {
      const { message, stack } = error as Error;
      said.push(message, stack ?? "", error instanceof AwgError ? JSON.stringify([error.facts, error.remedy]) : "");
    }
    return said.join("\n");
  }
});

test("law 8: an open journal and what is beside it hold no secret", async () => {
  const options = { host: { kind: "simulated", file: at("open.json") }, allowInsecurePermissions: false } as const;
  await using session = await openTestSession({ ...options, environment: { AWG_TEST_PSK: environmentPsk.base64 } });
  const planned = await session.plan(await session.load([{ name: at("config.yaml"), text: CONFIG(), mode: 0o600 }]));
  const hooks = { onEvent: () => {}, shouldStop: () => undefined, confirmWithinMs: 60_000 };
  expect((await session.apply(planned, hooks)).unconfirmed).toBeDefined();
  expect(readFileSync(at("open.json.state/journal")).length).toBeGreaterThan(1_000);
  const leaking = leakingFiles(folder, CANARIES).filter((file) => file.startsWith("open."));
  expect(leaking.filter((file) => !file.startsWith("open.json.state/secrets/"))).toEqual([]);
  await session.revert({ onlyIfDue: false });
});

test("import and export: to a terminal without secrets, to a file of mode 0600 with them", () => {
  const conf = `[Interface]\nPrivateKey = ${fileKey.base64}\nAddress = 10.8.0.2/32\n[Peer]\nPublicKey = ${PEER_KEY}\nPresharedKey = ${inlinePsk.base64}\nEndpoint = 192.0.2.1:51820\nAllowedIPs = 0.0.0.0/0\n`;
  writeFileSync(at("wg0.conf"), conf, { mode: 0o600 });
  const printed = awg("import", "wg0.conf");
  expect([printed.status, canariesIn(printed.stdout + printed.stderr, CANARIES)]).toEqual([0, []]);
  const imported = awg("import", "wg0.conf", "--out", "imported.yaml");
  expect([imported.status, canariesIn(imported.stdout + imported.stderr, CANARIES)]).toEqual([0, []]);
  expect(canariesIn(readFileSync(at("imported.yaml")), CANARIES)).toEqual([]);
  const exported = awg("export", "-f", "imported.yaml", "--out", "again.conf", ...simulated());
  expect([exported.status, canariesIn(exported.stdout + exported.stderr, CANARIES)]).toEqual([0, []]);
  expect(canariesIn(readFileSync(at("again.conf")), CANARIES)).toEqual([fileKey.name, inlinePsk.name]);
  for (const file of ["again.conf", "wg0.key", "wg0.peer1.psk"]) expect(modeOf(at(file))).toBe(0o600);
});
