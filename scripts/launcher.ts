/**
 * What `awg` starts as once it is built: it runs the program's modules out of a few files and keeps V8's compiled code of
 * what each verb ran beside them, so that the next call compiles nothing. `scripts/build.ts` fills in the constants.
 */
import {
  closeSync,
  constants,
  existsSync,
  fstatSync,
  lstatSync,
  mkdirSync,
  openSync,
  readFileSync,
  renameSync,
  rmSync,
  type Stats,
  statSync,
  writeFileSync,
} from "node:fs";
import { createRequire } from "node:module";
import { join } from "node:path";
import { setFlagsFromString } from "node:v8";
import { Script } from "node:vm";

/** Hash of these files: V8 itself compares only the length of a source with its compiled code. */
declare const BUILD: string;
/** The verbs whose compiled code is kept. */
declare const VERB_NAMES: readonly string[];
/** Those of them whose processes stay, and are killed rather than end: they keep it some time after their start. */
declare const LASTING_VERBS: readonly string[];
/** The files that hold the modules, without their ending; and the verbs whose processes read them all at their start. */
declare const PARTS: readonly string[];
declare const WHOLE_VERBS: readonly string[];
/** The modules that the program, and a packet thread of it, begin with. */
declare const MAIN: string;
declare const THREAD: string;
/** The major version of Node that the program is written for. */
declare const LEAST_NODE: number;
/** The version of koffi that was tested with this build. */
declare const KOFFI_VERSION: string;

/** Where glibc's dynamic loader lies, by process.arch; musl's has another name. */
const GLIBC_LOADERS: Readonly<Record<string, string>> = {
  x64: "/lib64/ld-linux-x86-64.so.2",
  arm64: "/lib/ld-linux-aarch64.so.1",
};

/** By then a process that stays has run what its start needs. */
const SETTLED_MS = 5_000;

/**
 * Verbs that are over before V8's optimizing compilers are of any use to them: those run on threads of their own and take a tenth of
 * the processor time of a diff. Counts of invocations, some twenty times V8's own: what has much to do is compiled all the same.
 * Another node's V8 may not know these flags, and would complain.
 */
const HASTY_VERBS = ["apply", "diff", "drift", "get", "plan", "status"];
const LATER = [
  "--invocation-count-for-maglev=20000",
  "--invocation-count-for-maglev-osr=5000",
  "--invocation-count-for-turbofan=60000",
];

/**
 * The heap of an engine's packet thread. V8 reads the size when a thread starts: the main thread has the one of
 * ENGINE_NODE_OPTIONS. No helper threads of V8 collect in either: they took the processor that the packet thread needed while
 * 10,000 peers were set (measured).
 */
const ENGINE_HEAP = ["--max-semi-space-size=1", "--no-parallel-scavenge"];

/** The exit code of src/cli/exit-code.ts. */
const UNSUPPORTED = 12;

type Load = (name: string) => unknown;
interface LoadedModule {
  exports: unknown;
}
type Factory = (exports: unknown, require: Load, module: LoadedModule, __filename: string, __dirname: string) => void;
type Factories = Readonly<Record<string, Factory>>;

const folder = __dirname;
const cache = join(folder, "cache");
/** A packet thread starts from the code of its engine, and never comes to keep its own. */
const isThread = process.argv.includes("packet-thread");
const verb = isThread ? "engine" : VERB_NAMES.find((name) => process.argv.includes(name));
if (verb !== undefined && HASTY_VERBS.includes(verb) && process.version.startsWith("v24.")) {
  for (const flag of LATER) setFlagsFromString(flag);
}
if (verb === "engine" && !isThread) for (const flag of ENGINE_HEAP) setFlagsFromString(flag);
const loaded = new Map<string, LoadedModule>();
const parts = new Map<string, Factories>();
/** Of a process that stays, read before another version can take the place of these files. */
const sources = new Map<string, string>();
if (WHOLE_VERBS.some((name) => process.argv.includes(name))) {
  const needed = PARTS.filter((part) => part !== "grpc" || process.argv.includes("api"));
  for (const part of needed) sources.set(part, readFileSync(join(folder, `${part}.cjs`), "latin1"));
}

/**
 * A module's name begins with the file it is in: `core` holds what a `diff` without differences needs, the others all else;
 * each is read when something in it is first asked for.
 */
function load(name: string): unknown {
  const known = loaded.get(name);
  if (known !== undefined) return known.exports;
  const part = /^(core|config|apply|status|engine|keeper|grpc|small|rest)\//.exec(name)?.[1];
  if (part === undefined) return loadOutside(name);
  const factories = parts.get(part) ?? readFactories(part);
  parts.set(part, factories);
  const factory = factories[name];
  if (factory === undefined)
    throw new Error(
      `another version was installed while this one ran, or the package is incomplete (${name} is missing): start it again, or install awg again`,
    );
  const module: LoadedModule = { exports: {} };
  loaded.set(name, module);
  try {
    factory(module.exports, load, module, __filename, folder);
  } catch (error) {
    loaded.delete(name);
    throw error;
  }
  return module.exports;
}

/** Node's own modules are asked for directly: what `require` does around them takes half a millisecond. */
function loadOutside(name: string): unknown {
  const module: LoadedModule = { exports: name === "koffi" ? loadKoffi() : process.getBuiltinModule(name) };
  loaded.set(name, module);
  return module.exports;
}

/**
 * koffi 3.3.4 reads node's own ELF headers in JavaScript to choose its binary: 10 ms. Its binary for glibc is taken from
 * where npm puts it; elsewhere, and with another libc or version, koffi chooses for itself.
 */
function loadKoffi(): unknown {
  const { platform, arch } = process;
  const binary = join("@koromix", `koffi-${platform}-${arch}`, `${platform}_${arch}`, "koffi.node");
  for (const packages of [join(folder, "../.."), join(folder, "../node_modules")]) {
    const path = join(packages, binary);
    if (platform !== "linux" || !existsSync(GLIBC_LOADERS[arch] ?? "") || !existsSync(path)) continue;
    const native: { readonly exports: { readonly version?: unknown } } = { exports: {} };
    process.dlopen(native, path);
    if (native.exports.version === KOFFI_VERSION) return native.exports;
  }
  return createRequire(__filename)("koffi");
}

function readFactories(part: string): Factories {
  const filename = join(folder, `${part}.cjs`);
  const source = sources.get(part) ?? readFileSync(filename, "latin1");
  sources.delete(part);
  const cachePath = join(cache, `${part}-${verb}-${process.version}-${process.arch}-${BUILD}`);
  const cachedData = verb === undefined ? undefined : readTrusted(cachePath);
  const script = new Script(source, cachedData === undefined ? { filename } : { filename, cachedData });
  if (verb !== undefined && !isThread && (cachedData === undefined || script.cachedDataRejected === true)) {
    if (LASTING_VERBS.includes(verb)) setTimeout(() => keep(cachePath, script), SETTLED_MS).unref();
    process.on("exit", (code) => {
      if (code <= 2) keep(cachePath, script);
    });
  }
  return script.runInThisContext() as Factories;
}

/** Compiled code is code: it is believed only when nobody could write it who could not write the program itself. */
function readTrusted(path: string): Buffer | undefined {
  let descriptor: number | undefined;
  try {
    if (!isTrusted(lstatSync(cache))) return undefined;
    descriptor = openSync(path, constants.O_RDONLY | constants.O_NOFOLLOW);
    return isTrusted(fstatSync(descriptor)) ? readFileSync(descriptor) : undefined;
  } catch {
    return undefined;
  } finally {
    if (descriptor !== undefined) closeSync(descriptor);
  }
}

function isTrusted({ uid, mode }: Stats): boolean {
  return uid === statSync(__filename).uid && (mode & 0o022) === 0;
}

/** Leaves the compiled code of all that has run; a program that cannot write there is only slower. */
function keep(path: string, script: Script): void {
  const draft = `${path}.${process.pid}`;
  try {
    if (process.geteuid?.() !== statSync(__filename).uid) return;
    if (!existsSync(cache)) mkdirSync(cache, { mode: 0o755 });
    if (!isTrusted(lstatSync(cache))) return;
    writeFileSync(draft, script.createCachedData(), { mode: 0o644, flag: "wx" });
    renameSync(draft, path);
  } catch {
    rmSync(draft, { force: true });
  }
}

/** In one line, before anything is loaded: what the program would end with is the name of a function that an older Node lacks. */
function refuseNode(version: string): void {
  const message = `awg needs Node ${LEAST_NODE} or later, and ${process.execPath} is Node ${version}`;
  const remedy = "install one, and start awg with it: it runs the first node on PATH";
  const error = { kind: "unsupported", message, remedy, facts: {}, exitCode: UNSUPPORTED };
  process.stderr.write(`awg: ${message}; ${remedy}\n`);
  if (process.argv.includes("--json")) process.stdout.write(`${JSON.stringify({ formatVersion: "1", error })}\n`);
  process.exitCode = UNSUPPORTED;
}

if (Number.parseInt(process.versions.node, 10) < LEAST_NODE) refuseNode(process.versions.node);
else load(isThread ? THREAD : MAIN);
