/**
 * Builds the package: the program's modules in a few files, `core.cjs` with what a plain `awg diff` runs, `config.cjs` with
 * what reads a configuration, `apply.cjs` with what carries a plan out, `status.cjs`, `engine.cjs`, `keeper.cjs`, `grpc.cjs`, `small.cjs` with the many
 * small ones and `rest.cjs` with all else, and `awg.cjs`, which runs them and keeps their compiled code (scripts/launcher.ts).
 *
 * An argument names another folder than dist/.
 */
import { createHash } from "node:crypto";
import { chmodSync, mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { basename, dirname, join, relative, resolve } from "node:path";
import { build, type Metafile, type OnLoadResult, transform } from "esbuild";
import { VERBS } from "../src/cli/verbs.ts";
import { SMALL_HEAP, SMALL_YOUNG_GENERATION } from "../src/resources/service/node-options.ts";
import { buildClient } from "./build-client.ts";
import { buildWeb } from "./build-web.ts";
import { type Chunk, joinChunks } from "./join-chunks.ts";

const ROOT = join(import.meta.dirname, "..");
const DIST = resolve(process.argv[2] ?? join(ROOT, "dist"));
const TARGET = "node24";
/**
 * The first lines of `awg.cjs`, which a shell runs and Node skips: a string and a comment. NODE_OPTIONS is left out, since
 * it could load a program or open a debugger as root. The daemon and the processes that answer clients get the heap of
 * their units (node-options.ts). A Node that is too old does not know the flags; without them it reaches the launcher,
 * which refuses it. `node -v` takes 3 ms.
 */
const INTERPRETER = `#!/bin/sh
":" //; ${[
  "unset NODE_OPTIONS NODE_V8_COVERAGE NODE_COMPILE_CACHE",
  'command -v node >/dev/null || { echo "awg: needs Node 24 or later, and PATH has no node" >&2; exit 12; }',
  `heap=; case $1 in daemon) heap="${SMALL_YOUNG_GENERATION.join(" ")}";; api|gateway|ui) heap="${SMALL_HEAP.join(" ")}";; esac`,
  'case $(node -v) in v2[4-9].*|v[3-9][0-9].*) exec node $heap --disable-sigusr1 --disable-warning=ExperimentalWarning "$0" "$@";; esac',
  'exec node "$0" "$@"',
].join("; ")}
`;

/** A verb needs a few of the chunks below this size, and seldom those above: it is not to read these for them. */
const SMALL_BYTES = 4_096;
const PARTS = ["core", "config", "apply", "status", "engine", "keeper", "grpc", "small", "rest"] as const;

/** Where a part is entered; what these import without `import()` comes with them, unless an earlier part has it. */
const ENTRIES = {
  core: ["src/cli/awg.ts", "src/cli/verbs/plan/diff.ts", "src/compose/open.ts", "src/compose/linux-parts.ts"],
  config: ["src/config/load-config.ts"],
  apply: [
    "src/cli/verbs/change/apply.ts",
    "src/app/apply/apply-planned.ts",
    "src/host/linux/engines/expect-engines.ts",
    "src/host/linux/engines/order-engine.ts",
    "src/host/linux/engines/order-engine.ts",
    "src/host/linux/nft/load/load-policy.ts",
    "src/host/linux/nft/load/fall-back.ts",
    "src/host/linux/nft/observe/table-damage.ts",
  ],
  status: ["src/cli/verbs/inspect/status.ts", "src/app/status/machine-status.ts"],
  engine: [
    "src/cli/verbs/system/engine.ts",
    "src/keeper/engines/embedded-engine.ts",
    "src/dataplane/run-engine.ts",
    "src/dataplane/worker/packet-thread.ts",
  ],
  keeper: ["src/cli/verbs/system/keeper.ts", "src/keeper/run-keeper.ts"],
  grpc: ["src/http/grpc/grpc-connection.ts"],
} as const;

/** Where the program, and a packet thread of it, begin: they run by being loaded, so nothing else is loaded with them. */
const MAIN = "src/cli/awg.ts";
const THREAD = "src/dataplane/worker/packet-thread.ts";

/** Processes of awg's own, started by awg. */
const LASTING = ["engine", "keeper"];
/** Processes that stay and come to need, long after their start, what no other version may give them. */
const WHOLE = ["daemon", "keeper", "api"];

/** zod's messages in some fifty languages; it speaks the one that is set, and none but English ever is. */
const ZOD_LANGUAGES = /zod\/v4\/locales\/index\.js$/;

type Outputs = Metafile["outputs"];

const chunks = await build({
  absWorkingDir: ROOT,
  entryPoints: { cli: MAIN },
  outdir: "dist",
  bundle: true,
  splitting: true,
  platform: "node",
  target: TARGET,
  format: "esm",
  // grpc-js loads proto-loader for channelz and ORCA alone, which awg does not use.
  external: ["koffi", "@grpc/proto-loader"],
  plugins: [{ name: "one language", setup: (build) => build.onLoad({ filter: ZOD_LANGUAGES }, onlyEnglish) }],
  // The modules that ask for it know __filename too.
  define: { "import.meta.url": "undefined" },
  write: false,
  metafile: true,
  logLevel: "warning",
});
const modules = modulesOf(chunks.metafile.outputs);
const factories = await joinChunks(chunksByName(), moduleOf, TARGET);
const parts = PARTS.map((part) => ({
  part,
  text: tableOf([...factories].filter(([name]) => name.startsWith(`${part}/`))),
}));
const hash = createHash("sha256");
for (const { text } of parts) hash.update(text);
const launcher = await transform(readFileSync(join(ROOT, "scripts/launcher.ts"), "utf8"), {
  loader: "ts",
  format: "cjs",
  platform: "node",
  target: TARGET,
  minify: true,
  define: {
    BUILD: JSON.stringify(hash.digest("hex").slice(0, 16)),
    KOFFI_VERSION: JSON.stringify(versionOf("koffi")),
    VERB_NAMES: JSON.stringify([...VERBS.filter(({ hidden }) => hidden !== true).map(({ name }) => name), ...LASTING]),
    LASTING_VERBS: JSON.stringify(LASTING),
    PARTS: JSON.stringify(PARTS),
    WHOLE_VERBS: JSON.stringify(WHOLE),
    MAIN: JSON.stringify(entryOf(MAIN)),
    THREAD: JSON.stringify(entryOf(THREAD)),
    LEAST_NODE: TARGET.slice("node".length),
  },
});

rmSync(DIST, { recursive: true, force: true });
mkdirSync(DIST, { recursive: true });
for (const { part, text } of parts) writeFileSync(join(DIST, `${part}.cjs`), text);
writeFileSync(join(DIST, "NOTICES.txt"), noticesOf(Object.keys(chunks.metafile.inputs)));
await buildClient(ROOT, DIST);
writeFileSync(join(DIST, "awg.cjs"), INTERPRETER + launcher.code);
chmodSync(join(DIST, "awg.cjs"), 0o755);
await buildWeb(join(DIST, "web"));

function versionOf(name: string): string {
  return JSON.parse(readFileSync(join(ROOT, "node_modules", name, "package.json"), "utf8")).version;
}

/** The licences of the packages whose code is in the bundle. */
function noticesOf(inputs: readonly string[]): string {
  const names = inputs.flatMap((path) => /^node_modules\/((?:@[^/]+\/)?[^/]+)\//.exec(path)?.[1] ?? []);
  const notices = [...new Set(names)].toSorted().map((name) => {
    const folder = join(ROOT, "node_modules", name);
    const file = readdirSync(folder).find((one) => /^licen[cs]e/i.test(one));
    const { license } = JSON.parse(readFileSync(join(folder, "package.json"), "utf8"));
    const text = file === undefined ? "" : readFileSync(join(folder, file), "utf8");
    return `${name} ${versionOf(name)} (${license})\n\n${text.trim()}\n`;
  });
  return `awg contains code of these packages.\n\n${notices.join("\n----\n\n")}`;
}

function chunksByName(): ReadonlyMap<string, Chunk> {
  const { outputs } = chunks.metafile;
  return new Map(
    chunks.outputFiles.map(({ path, text }) => {
      const { exports = [], entryPoint } = outputs[relative(ROOT, path)] ?? {};
      return [basename(path, ".js"), { text, exports, isEntered: entryPoint !== undefined }];
    }),
  );
}

/** What the module is called that a chunk comes to be in: the file it lies in and its own name. */
function moduleOf(chunk: string): string {
  const module = modules.get(chunk);
  if (module === undefined) throw new Error(`there is no chunk ${chunk}`);
  return module;
}

/** The chunk that is entered where this module is. */
function entryOf(module: string): string {
  const found = Object.entries(chunks.metafile.outputs).find(([, { entryPoint }]) => entryPoint === module);
  if (found === undefined) throw new Error(`no chunk begins with ${module}`);
  return moduleOf(basename(found[0], ".js"));
}

/**
 * Chunks that the same entries and verbs reach become one module, named after the first of them; any other is a module of its
 * own. No verb so runs what it does not reach.
 */
function modulesOf(outputs: Outputs): ReadonlyMap<string, string> {
  const entries = Object.entries(ENTRIES).flatMap(([part, modules]) =>
    modules.map((module) => ({ part, chunks: chunksBehind(module, outputs) })),
  );
  const verbs = Object.values(outputs)
    .map(({ entryPoint = "" }) => entryPoint)
    .filter((entry) => entry.startsWith("src/cli/verbs/"));
  const reached = [...entries.map(({ chunks }) => chunks), ...verbs.map((verb) => chunksBehind(verb, outputs))];
  const names = new Map<string, string>();
  return new Map(
    Object.entries(outputs).map(([path, { bytes, entryPoint }]) => {
      const name = basename(path, ".js");
      const part = entries.find(({ chunks }) => chunks.has(path))?.part;
      if (part === undefined) return [name, `${bytes < SMALL_BYTES ? "small" : "rest"}/${name}`];
      const isBeginning = entryPoint === MAIN || entryPoint === THREAD;
      const key = isBeginning ? name : reached.map((chunks) => Number(chunks.has(path))).join("");
      const module = names.get(key) ?? `${part}/${name}`;
      names.set(key, module);
      return [name, module];
    }),
  );
}

/** The chunks that hold this module, and all that those import statically. */
function chunksBehind(module: string, outputs: Outputs): ReadonlySet<string> {
  const wanted = Object.keys(outputs).filter((path) => {
    const { inputs = {}, entryPoint } = outputs[path] ?? {};
    return module === entryPoint || inputs[module] !== undefined;
  });
  const found = new Set<string>();
  for (const path of wanted) {
    if (found.has(path)) continue;
    found.add(path);
    const imports = outputs[path]?.imports ?? [];
    wanted.push(
      ...imports.filter(({ kind, external }) => kind !== "dynamic-import" && !external).map((one) => one.path),
    );
  }
  return found;
}

function tableOf(modules: readonly (readonly [string, string])[]): string {
  const rows = modules.map(
    ([name, factory]) => `${JSON.stringify(name)}:function(exports,require,module,__filename,__dirname){${factory}}`,
  );
  return `({${rows.join(",\n")}})\n`;
}

function onlyEnglish({ path }: { readonly path: string }): OnLoadResult {
  return { contents: 'export { default as en } from "./en.js";', resolveDir: dirname(path), loader: "js" };
}
