import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { beforeAll, expect, test } from "vitest";
import { parsePlainly } from "../../../src/cli/plain-options.ts";
import type { Terminal } from "../../../src/cli/terminal.ts";
import { GLOBAL_OPTIONS } from "../../../src/cli/verb-options.ts";
import { VERBS } from "../../../src/cli/verbs.ts";
import { AwgError } from "../../../src/model/error.ts";
import { ROOT } from "../../repository/sources.ts";
import { PEER_KEY, sampleConfig, THIRD_PEER_KEY, tunnelConfig } from "../../support/config.ts";
import { temporaryFolder } from "../../support/folder.ts";
import { canariesIn, keyCanary, leakingFiles, modeOf, passwordCanary } from "../canary.ts";

const officeKey = keyCanary("office key");
const nextOfficeKey = keyCanary("next office key");
const homeKey = keyCanary("home key");
const environmentPsk = keyCanary("psk of the environment");
const inlinePsk = keyCanary("inline psk");
const headerKey = keyCanary("header key");
const inputKey = keyCanary("key on standard input");
const password = passwordCanary("proxy password");
const CANARIES = [officeKey, nextOfficeKey, homeKey, environmentPsk, inlinePsk, headerKey, inputKey, password];

/** What they hold is theirs alone and lasts: `processes.linux.test.ts` looks at them as processes. */
const LASTING = ["api", "daemon", "gateway", "keeper", "engine", "names", "packet-thread", "relay", "ui"];

const folder = temporaryFolder("every-verb");
const at = (name: string): string => join(folder, name);
const secretFile = (name: string, text: string): void => writeFileSync(at(name), `${text}\n`, { mode: 0o600 });

const config = (key: string): string =>
  tunnelConfig({
    keyFile: at(key),
    peer: "presharedKey: { env: AWG_TEST_PSK }",
    otherTunnels: `  home:
    protocol: amneziawg
    privateKey: { file: ${at("home.key")} }
    addresses: [10.9.0.2/32]
    obfuscation: { s1: 33, s2: 47, s3: 21, s4: 12, headerProtectionKey: { file: ${at("home.header")} } }
    peers: [{ publicKey: ${THIRD_PEER_KEY}, presharedKey: ${inlinePsk.base64}, endpoint: "192.0.2.2:51820", allowedIPs: [10.9.0.0/24] }]
rules: [{ destinations: [10.9.0.0/24], via: home }]
`,
  });
const proxyConfig = (protocol: string, secret: string): string =>
  sampleConfig(`tunnels:
  proxy:
    protocol: ${protocol}
    server: "192.0.2.1:1080"
    auth: { username: me, password: ${secret} }
default: { via: proxy }
killSwitch: { enabled: true }
`);
const conf = (): string =>
  `[Interface]\nPrivateKey = ${officeKey.base64}\nAddress = 10.8.0.2/32\nPostUp = echo ${homeKey.base64}\n[Peer]\nPublicKey = ${PEER_KEY}\nPresharedKey = ${inlinePsk.base64}\nEndpoint = 192.0.2.1:51820\nAllowedIPs = 0.0.0.0/0\n`;

const F = ["-f", "FOLDER/config.yaml"];
const NEXT = ["-f", "FOLDER/next.yaml"];
const SIMULATED = ["--host", "simulated:FOLDER/machine.json"];
const NO_DEVICE = `t${process.pid}`;

/** Command lines by verb, in an order in which each finds what it is about. `+`: it must succeed (exit 0, 1 or 2). */
const CALLS: readonly (readonly ["+" | "-", ...string[]])[] = [
  ["+", "init", "FOLDER/new.yaml"],
  ["+", "validate", ...F, "--json"],
  ["-", "validate", "-f", "FOLDER/office.key"],
  ["-", "validate", "-f", "FOLDER/tunnel.conf", "--json"],
  ["+", "plan", ...F, ...SIMULATED, "--out", "FOLDER/saved.plan", "--debug"],
  ["+", "plan", ...F, ...SIMULATED, "--json"],
  ["-", "plan", "-f", "FOLDER/proxy.yaml", ...SIMULATED, "--json", "--debug"],
  ["-", "plan", "-f", "FOLDER/proxy-file.yaml", ...SIMULATED, "--json", "--debug"],
  ["+", "render", ...F, ...SIMULATED, "--for", "linux"],
  ["+", "render", ...F, ...SIMULATED, "--for", "macos", "--json"],
  ["+", "apply", "FOLDER/saved.plan", ...SIMULATED, "--auto-approve", "--json-stream", "--debug"],
  ["-", "apply", "FOLDER/office.key", ...SIMULATED, "--auto-approve", "--json", "--debug"],
  ["+", "diff", ...NEXT, ...SIMULATED],
  ["+", "diff", ...NEXT, ...SIMULATED, "--json"],
  ["+", "plan", ...NEXT, ...SIMULATED, "--verbose"],
  ["+", "plan", ...NEXT, ...SIMULATED, "--json"],
  ["+", "apply", ...NEXT, ...SIMULATED, "--auto-approve", "--json"],
  ["+", "history", ...SIMULATED, "--json"],
  ["+", "diff", "@1", "@2", ...SIMULATED, "--json"],
  ["-", "confirm", ...SIMULATED, "--debug"],
  ["-", "revert", ...SIMULATED, "--debug"],
  ["+", "rollback", ...SIMULATED, "--auto-approve", "--json"],
  ["+", "drift", ...SIMULATED, "--json"],
  ["-", "verify", ...F, ...SIMULATED, "--json", "--debug"],
  ["-", "explain", "10.9.0.7:443", ...SIMULATED, "--json", "--debug"],
  ["+", "status", ...SIMULATED, "--json"],
  ["+", "status", ...SIMULATED],
  ["-", "ps", ...F, ...SIMULATED, "--json"],
  ["-", "top", "--once", ...SIMULATED, "--json"],
  ["-", "events", ...SIMULATED, "--json"],
  ["-", "wait", "--timeout", "1", ...SIMULATED, "--json"],
  ["-", "pause", ...F, ...SIMULATED, "--auto-approve", "--json"],
  ["-", "log", "level", "debug", ...SIMULATED, "--json"],
  ["+", "history", "--audit", ...SIMULATED, "--json"],
  ["+", "debug", "bundle", ...F, ...SIMULATED, "--out", "FOLDER/bundle.tar.gz"],
  ["+", "conflicts", ...SIMULATED, "--json"],
  ["+", "doctor", ...SIMULATED, "--json"],
  ["+", "capabilities", ...SIMULATED, "--json"],
  ["+", "get", ...SIMULATED, "--json"],
  ["+", "get", "tunnel/office", "--desired", ...SIMULATED, "--json"],
  ["+", "schema"],
  ["+", "import", "FOLDER/tunnel.conf"],
  ["-", "import", "FOLDER/office.key", "--debug"],
  ["+", "export", "office", ...F, ...SIMULATED],
  ["+", "export", ...F, ...SIMULATED, "--format", "json"],
  ["-", "show", NO_DEVICE, "dump"],
  ["-", "showconf", NO_DEVICE],
  ["-", "set", NO_DEVICE, "private-key", "FOLDER/office.key"],
  ["-", "set", NO_DEVICE, "private-key", officeKey.base64],
  ["-", "set", NO_DEVICE, officeKey.base64, "x"],
  ["-", "setconf", NO_DEVICE, "FOLDER/tunnel.conf"],
  ["-", "addconf", NO_DEVICE, "FOLDER/office.key"],
  ["-", "syncconf", NO_DEVICE, "FOLDER/tunnel.conf"],
  ["+", "genkey"],
  ["+", "genpsk"],
  ["+", "pubkey"],
  ["+", "completion", "bash"],
  ["+", "version", "--json"],
  ["-", "install", "--dry-run"],
  ["-", "uninstall", "--dry-run"],
  ["-", "service", "status", "--json"],
  ["+", "down", ...SIMULATED, "-f", "FOLDER/config.yaml", "--json"],
  ["+", "up", ...SIMULATED, "-f", "FOLDER/config.yaml", "--json"],
  ["+", "destroy", ...SIMULATED, "--auto-approve", "--json", "--debug"],
];

interface Said {
  readonly code: number | undefined;
  readonly text: string;
}

/** Runs a verb in this process; all that it and its error say, the stack and what caused it included. */
async function say(words: readonly string[]): Promise<Said> {
  const argv = words.map((word) => word.replace("FOLDER", folder));
  const said: string[] = [];
  const terminal: Terminal = {
    out: (text) => said.push(text),
    err: (text) => said.push(text),
    colorOut: false,
    colorErr: false,
    interactive: false,
    columns: Number.POSITIVE_INFINITY,
    ask: () => undefined,
    readInput: () => `${inputKey.base64}\n`,
  };
  const environment = { PATH: process.env["PATH"], AWG_TEST_PSK: environmentPsk.base64 };
  const plain = parsePlainly(argv, VERBS, GLOBAL_OPTIONS);
  if (plain === undefined) throw new Error(`no plain command line: ${argv.join(" ")}`);
  const { run } = await plain.verb.load();
  try {
    const { options, args } = plain;
    const code = await run({ terminal, environment, verbs: VERBS, globalOptions: GLOBAL_OPTIONS, options, args });
    return { code, text: said.join("\n") };
  } catch (error) {
    for (let one: unknown = error; one instanceof Error; one = one.cause) {
      said.push(one.message, one.stack ?? "", one instanceof AwgError ? JSON.stringify([one.facts, one.remedy]) : "");
    }
    return { code: undefined, text: said.join("\n") };
  }
}

beforeAll(() => {
  secretFile("office.key", officeKey.base64);
  secretFile("next.key", nextOfficeKey.base64);
  secretFile("home.key", homeKey.base64);
  secretFile("home.header", headerKey.base64);
  secretFile("password", password.text);
  secretFile("tunnel.conf", conf());
  secretFile("config.yaml", config("office.key"));
  secretFile("next.yaml", config("next.key"));
  secretFile("proxy.yaml", proxyConfig("socks5", JSON.stringify(password.text)));
  secretFile("proxy-file.yaml", proxyConfig("http", `{ file: ${at("password")} }`));
});

test("F1: every field of the schema that is a secret has its canary", () => {
  const found = new Set<string>();
  const walk = (node: unknown, path: readonly string[]): void => {
    if (typeof node !== "object" || node === null) return;
    if ("$ref" in node && /\/Secret(Key|Text)$/.test(String(node.$ref))) found.add(path.at(-1) ?? "");
    for (const [key, value] of Object.entries(node)) walk(value, [...path, key]);
  };
  walk(JSON.parse(readFileSync(join(ROOT, "schema/awg.schema.json"), "utf8")), []);
  expect([...found].toSorted()).toEqual(["headerProtectionKey", "password", "presharedKey", "privateKey"]);
});

test("F1: there is a command line for every verb", () => {
  const called = new Set(CALLS.map(([, verb]) => verb));
  expect([...called, ...LASTING].toSorted()).toEqual(VERBS.map(({ name }) => name).toSorted());
});

test("F1: no verb and no error of one says a secret in any form", { timeout: 120_000 }, async () => {
  for (const [expected, ...words] of CALLS) {
    const { code, text } = await say(words);
    expect([words.join(" "), canariesIn(text, CANARIES)]).toEqual([words.join(" "), []]);
    expect(text.length, words.join(" ")).toBeGreaterThan(1);
    if (expected === "+") expect([words.join(" "), code === 0 || code === 1], text).toEqual([words.join(" "), true]);
  }
});

test("F1: afterwards only the files that are for secrets hold any, and they are 0600", () => {
  const own = /^(office\.key|next\.key|home\.key|home\.header|password|tunnel\.conf|[a-z-]+\.yaml): /;
  const kept = /^machine\.json\.state\/secrets\/[0-9a-f]{64}: /;
  const leaking = leakingFiles(folder, CANARIES);
  expect(leaking.filter((file) => !own.test(file) && !kept.test(file))).toEqual([]);
  for (const file of leaking) expect([file, modeOf(at(file.slice(0, file.indexOf(": "))))]).toEqual([file, 0o600]);
  expect(canariesIn(readFileSync(at("saved.plan")), CANARIES)).toEqual([]);
});
