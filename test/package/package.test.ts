import { execFile, spawnSync } from "node:child_process";
import { chmodSync, mkdirSync, readdirSync, readFileSync, symlinkSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { beforeAll, describe, expect, test } from "vitest";
import { VERSION } from "../../src/model/version.ts";
import { ROOT } from "../repository/sources.ts";
import { PRIVATE_KEY, sampleConfig } from "../support/config.ts";
import { temporaryFolder } from "../support/folder.ts";

const folder = temporaryFolder("package");
const installed = join(folder, "elsewhere", "node_modules", "awg");

function run(command: string, args: readonly string[], cwd = folder) {
  return spawnSync(command, args, {
    cwd,
    encoding: "utf8",
    timeout: 240_000,
    env: { ...process.env, NODE_OPTIONS: "" },
  });
}

/** As npm installs it, with the one dependency taken from the checkout, so that no registry is needed. */
function install(archive: string): void {
  run("mkdir", ["-p", installed]);
  expect(run("tar", ["-xzf", archive, "-C", installed, "--strip-components=1"]).status).toBe(0);
  symlinkSync(join(ROOT, "node_modules", "koffi"), join(folder, "elsewhere", "node_modules", "koffi"));
}

const cache = join(installed, "dist", "cache");
const awg = (...args: readonly string[]) => run(process.execPath, [join(installed, "dist", "awg.cjs"), ...args]);

/** What a run of Node printed, several at a time. */
function ended(args: readonly string[], environment: NodeJS.ProcessEnv): Promise<{ stdout: string; stderr: string }> {
  const options = { timeout: 120_000, env: { ...process.env, ...environment, NODE_OPTIONS: "" } };
  return new Promise((done) => {
    execFile(process.execPath, args, options, (_error, stdout, stderr) => done({ stdout, stderr }));
  });
}

beforeAll(() => {
  const packed = run("npm", ["pack", "--pack-destination", folder, "--loglevel=error"], ROOT);
  expect(packed.stderr + packed.stdout).toContain(".tgz");
  const archive = readdirSync(folder).find((name) => name.endsWith(".tgz"));
  install(join(folder, archive ?? ""));
}, 300_000);

describe("the package", () => {
  test("runs away from the checkout, as JavaScript", () => {
    const { stdout, status } = awg("version");
    expect(stdout).toContain(`awg ${VERSION}`);
    expect(status).toBe(0);
  });

  test("F2: started by its name it obeys no NODE_OPTIONS", () => {
    const planted = { NODE_OPTIONS: '--import="data:text/javascript,console.log(`planted`)"' };
    const options = { encoding: "utf8", timeout: 60_000, env: { ...process.env, ...planted } } as const;
    const { stdout, status } = spawnSync(join(installed, "dist", "awg.cjs"), ["version"], options);
    expect([status, stdout.includes("planted"), stdout.includes(VERSION)]).toEqual([0, false, true]);
    expect(spawnSync(process.execPath, ["-e", ""], options).stdout).toContain("planted");
  });

  test("on an older Node one line names the version needed, or a document with --json", () => {
    const older = 'Object.defineProperty(process, "versions", { value: { ...process.versions, node: "20.19.2" } });';
    writeFileSync(join(folder, "older.cjs"), older);
    const bin = join(folder, "older");
    mkdirSync(bin);
    writeFileSync(
      join(bin, "node"),
      `#!/bin/sh
case "$1" in
  -v) echo v20.19.2 ;;
  --*) echo "node: bad option: $1" >&2; exit 9 ;;
  *) exec ${process.execPath} --require ${join(folder, "older.cjs")} "$@" ;;
esac
`,
      { mode: 0o755 },
    );
    const plan = (...more: readonly string[]) =>
      spawnSync(join(installed, "dist", "awg.cjs"), ["plan", ...more], {
        encoding: "utf8",
        timeout: 60_000,
        env: { PATH: `${bin}:/usr/bin:/bin` },
      });
    const said = `awg needs Node 24 or later, and ${process.execPath} is Node 20.19.2`;
    expect(plan()).toMatchObject({
      status: 12,
      stdout: "",
      stderr: `awg: ${said}; install one, and start awg with it: it runs the first node on PATH\n`,
    });
    const { status, stdout } = plan("--json");
    expect([status, JSON.parse(stdout)]).toMatchObject([
      12,
      { error: { kind: "unsupported", message: said, exitCode: 12 } },
    ]);
  });

  test("its version is the program's", () => {
    expect(JSON.parse(readFileSync(join(ROOT, "package.json"), "utf8")).version).toBe(VERSION);
  });

  test("holds the schema, and no tests and no sources", () => {
    const names = readdirSync(installed);
    expect(names.toSorted()).toEqual(["LICENSE", "README.md", "dist", "package.json", "schema"]);
  });

  test("only koffi is needed at run time", () => {
    expect(Object.keys(JSON.parse(readFileSync(join(installed, "package.json"), "utf8")).dependencies)).toEqual([
      "koffi",
    ]);
  });

  test("awg/client: a module for Node and browsers, with its types", () => {
    const use = `import { connect } from "awg/client";
const client = connect({ socket: "/nowhere/awg.sock" });
const end: () => void = client.onStatusChange(({ state, document }) => console.log(state, document));
end();
console.log((await client.run("status")).code);
`;
    const project = join(folder, "elsewhere");
    writeFileSync(join(project, "use.mts"), use);
    const tsc = join(ROOT, "node_modules", ".bin", "tsc");
    const strict = ["--strict", "--noEmit", "--module", "nodenext", "--target", "es2022", "--lib", "es2022,dom"];
    expect(run(tsc, [...strict, "--types", "", "use.mts"], project)).toMatchObject({ status: 0, stdout: "" });
    expect(run(process.execPath, ["use.mts"], project)).toMatchObject({ status: 0, stdout: "13\n" });
    expect(readFileSync(join(installed, "dist", "client.js"), "utf8")).not.toMatch(/^import |\bimport\(|\brequire\(/m);
  });

  test("uses no import(), which a script in node's vm cannot resolve", () => {
    const parts = readdirSync(join(installed, "dist")).filter((name) => name.endsWith(".cjs"));
    const asking = parts.filter((name) => /\bimport\(/.test(readFileSync(join(installed, "dist", name), "utf8")));
    expect([parts.length > 5, asking]).toEqual([true, []]);
  });

  test("validates, and names line and column of a mistake", () => {
    const path = join(folder, "bad.yaml");
    writeFileSync(path, sampleConfig("name: laptop\ntunels: {}\ndefault: { via: direct }\n"), { mode: 0o600 });
    const { stderr, status } = awg("validate", "-f", path);
    expect(status).toBe(3);
    expect(stderr).toMatch(/bad\.yaml:3:1: .*tunels.*did you mean tunnels/);
  });

  test("keeps the compiled code of what ran, and replaces what is no such code", () => {
    expect(awg("version").status).toBe(0);
    const [name = "", ...others] = readdirSync(cache);
    expect(name).toMatch(/^core-version-/);
    expect(others).toEqual([name.replace("core", "small")]);
    const kept = readFileSync(join(cache, name));
    writeFileSync(join(cache, name), "no compiled code");
    expect(awg("version").stdout).toContain(`awg ${VERSION}`);
    expect(readFileSync(join(cache, name)).length).toBeGreaterThan(kept.length / 2);
  });

  test("compiled code that others could have written is neither used nor kept", () => {
    const forged = readdirSync(cache).map((name) => join(cache, name));
    for (const path of forged) writeFileSync(path, "forged");
    chmodSync(cache, 0o777);
    expect(awg("version").status).toBe(0);
    expect(forged.map((path) => readFileSync(path, "utf8"))).toEqual(forged.map(() => "forged"));
    chmodSync(cache, 0o755);
    for (const path of forged) chmodSync(path, 0o666);
    expect(awg("version").status).toBe(0);
  });

  test("loads the D-Bus library that is bundled", () => {
    const text = readFileSync(join(installed, "dist", "rest.cjs"), "utf8");
    expect(text).toContain("org.freedesktop.DBus.Hello".split(".").at(-1));
    expect(text).not.toMatch(/require\("@homebridge/);
  });

  test("prints for a Mac what the checkout prints, without a Mac", async () => {
    const key = { HOME_KEY: PRIVATE_KEY };
    const args = ["render", "--for", "macos", "-f", join(ROOT, "examples/laptop")];
    const [packed, here] = await Promise.all([
      ended([join(installed, "dist", "awg.cjs"), ...args], key),
      ended([join(ROOT, "src/cli/awg.ts"), ...args], key),
    ]);
    // It says what no rendering can know: where a server's name leads.
    expect(packed.stderr).toContain("left out: ");
    expect(packed).toEqual(here);
    for (const part of ["pfctl -a com.awg", "scutil", "RTM_ADD"]) expect(packed.stdout).toContain(part);
  });

  test.skipIf(process.geteuid?.() !== 0)(
    "holds what a Mac alone runs: each gets as far as libSystem, which is not here (as root)",
    async () => {
      const preload = join(folder, "mac.cjs");
      // koffi looks for its own library by the platform, so that it is loaded before that is another.
      const koffi = JSON.stringify(join(folder, "elsewhere", "node_modules", "koffi"));
      const platform = 'Object.defineProperty(process, "platform", { value: "darwin" });';
      writeFileSync(preload, `require(${koffi});\n${platform}\n`);
      const fds = { WG_TUN_FD: "0", AWG_ENGINE_SOCKET: join(folder, "engine.sock") };
      const run = (...args: readonly string[]) =>
        ended(["--require", preload, join(installed, "dist", "awg.cjs"), ...args], fds);
      const stateDir = ["--state-dir", join(folder, "state")];
      const runs = await Promise.all([
        run("history", ...stateDir),
        run("doctor", ...stateDir),
        run("keeper", "--run-dir", join(folder, "run")),
        run("engine", "utun9"),
      ]);
      for (const { stderr } of runs) expect(stderr).toContain("Failed to load shared library");
    },
  );

  test("lists the licences of the work it contains", () => {
    const notices = readFileSync(join(installed, "dist", "NOTICES.txt"), "utf8");
    for (const name of ["commander", "yaml", "zod"]) expect(notices).toContain(`\n${name} `);
  });
});
