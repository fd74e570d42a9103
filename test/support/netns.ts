import { spawnSync } from "node:child_process";
import { existsSync } from "node:fs";
import { fileURLToPath } from "node:url";

/** What a command in a namespace gave back. */
export interface CommandResult {
  readonly status: number | null;
  readonly stdout: string;
  readonly stderr: string;
}

/** A network namespace of its own for one test. Disposing deletes it with all that is in it. */
export interface TestNamespace extends Disposable {
  readonly name: string;
  /** Runs a command inside; a status other than 0 throws with what it wrote, unless `mayFail`. */
  run(argv: readonly string[], options?: RunOptions): CommandResult;
  /** Runs a TypeScript file (path from the repository's root) inside, and gives the JSON on its standard output. */
  runScript(file: string, argument?: unknown, options?: RunOptions): unknown;
}

export interface RunOptions {
  readonly mayFail?: boolean;
  readonly input?: string;
  readonly timeoutMs?: number;
}

const ROOT = fileURLToPath(new URL("../../", import.meta.url));
let made = 0;

/** Why namespaces cannot be made here; undefined when they can. Meant for `describe.skipIf(...)`. */
export function namespaceObstacle(): string | undefined {
  if (process.platform !== "linux") return "needs Linux";
  if (process.getuid?.() !== 0) return "needs root";
  const probe = `t-probe-${process.pid}-${made++}`;
  const added = spawnSync("ip", ["netns", "add", probe], { encoding: "utf8", timeout: 30_000 });
  if (added.status !== 0) return `needs network namespaces: ${added.stderr ?? "no ip command"}`.trim();
  spawnSync("ip", ["netns", "del", probe], { timeout: 30_000 });
  return undefined;
}

/** Why TUN devices cannot be made here; undefined when they can. */
export function tunObstacle(): string | undefined {
  return existsSync("/dev/net/tun") ? undefined : "needs /dev/net/tun";
}

/** Why a command is not to be had here; undefined when it is. */
export function commandObstacle(...names: readonly string[]): string | undefined {
  const path = (process.env["PATH"] ?? "").split(":").concat("/usr/sbin", "/sbin");
  const missing = names.filter((name) => !path.some((folder) => existsSync(`${folder}/${name}`)));
  return missing.length === 0 ? undefined : `needs ${missing.join(", ")}`;
}

/** Makes a namespace called `t-<label>-<pid>-<n>`, loopback up. Dispose it in `finally`, `using` or afterEach. */
export function makeNamespace(label: string): TestNamespace {
  const name = `t-${label}-${process.pid}-${made++}`;
  spawnSync("ip", ["netns", "del", name], { timeout: 30_000 });
  run(["ip", "netns", "add", name]);
  const namespace: TestNamespace = {
    name,
    run: (argv, options) => runIn(name, argv, options),
    runScript: (file, argument, options) => {
      const input = { input: JSON.stringify(argument ?? null) };
      const { stdout } = runIn(name, [process.execPath, `${ROOT}${file}`], { ...input, ...options });
      return stdout.trim() === "" ? undefined : JSON.parse(stdout);
    },
    [Symbol.dispose]: () => {
      spawnSync("ip", ["netns", "del", name], { timeout: 30_000 });
    },
  };
  try {
    namespace.run(["ip", "link", "set", "lo", "up"]);
  } catch (error) {
    namespace[Symbol.dispose]();
    throw error;
  }
  return namespace;
}

/** Runs a command in a namespace made by anybody. */
export function runIn(namespace: string, argv: readonly string[], options: RunOptions = {}): CommandResult {
  return run(["ip", "netns", "exec", namespace, ...argv], options);
}

function run(argv: readonly string[], { mayFail = false, input, timeoutMs = 110_000 }: RunOptions = {}): CommandResult {
  const [command = "", ...rest] = argv;
  const { status, stdout, stderr, error } = spawnSync(command, rest, {
    encoding: "utf8",
    timeout: timeoutMs,
    maxBuffer: 256 * 1024 * 1024,
    ...(input === undefined ? {} : { input }),
  });
  if (!mayFail && status !== 0) {
    throw new Error(`${argv.join(" ")} gave ${status ?? error?.message}: ${stderr}${stdout}`);
  }
  return { status, stdout: stdout ?? "", stderr: stderr ?? "" };
}
