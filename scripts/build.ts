/**
 * Builds the package: the program's modules in a few files, `core.cjs` with what a plain `awg diff` runs, `config.cjs` with
 * what reads a configuration, `apply.cjs` with what carries a plan out, `status.cjs`, `engine.cjs`, `small.cjs` with the many
 * small ones and `rest.cjs` with all else, and `awg.cjs`, which runs them and keeps their compiled code (scripts/launcher.ts).
 *
 * An argument names another folder than dist/.
 */
import { createHash } from "node:crypto";
import { chmodSync, mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { basename, dirname, join, resolve } from "node:path";
import { build, type Metafile, type OnLoadResult, transform } from "esbuild";
import { VERBS } from "../src/cli/verbs.ts";

const ROOT = join(import.meta.dirname, "..");
const DIST = resolve(process.argv[2] ?? join(ROOT, "dist"));
const TARGET = "node24";
/** What NODE_OPTIONS says is left out: it could load a program, open a debugger or write the heap of a root process to a file. */
const INTERPRETER =
  "#!/usr/bin/env -S -u NODE_OPTIONS -u NODE_V8_COVERAGE node --disable-sigusr1 --disable-warning=ExperimentalWarning\n";

/** A verb needs a few of the chunks below this size, and seldom those above: it is not to read these for them. */
const SMALL_BYTES = 4_096;
const PARTS = ["core", "config", "apply", "status", "engine", "small", "rest"] as const;
type Part = (typeof PARTS)[number];

/** Where a part is entered; what these import without `import()` comes with them, unless an earlier part has it. */
const ENTRIES = {
  core: ["src/cli/awg.ts", "src/cli/verbs/diff.ts", "src/compose/open-session.ts", "src/compose/linux-parts.ts"],
  config: ["src/model/config/load-config.ts"],
  apply: [
    "src/cli/verbs/apply.ts",
    "src/compose/generations/apply-planned.ts",
    "src/host/linux/expect-engines.ts",
    "src/host/linux/firewall/load/load-policy.ts",
    "src/host/linux/firewall/load/fall-back.ts",
  ],
  status: ["src/cli/verbs/status.ts", "src/compose/reading/machine-status.ts"],
  engine: ["src/cli/verbs/processes/engine.ts", "src/compose/engine.ts", "src/compose/packet-thread.ts"],
} as const;

/** Processes of awg's own, started by awg. */
const LASTING = ["engine", "keeper"];

/** zod's messages in some fifty languages; it speaks the one that is set, and none but English ever is. */
const ZOD_LANGUAGES = /zod\/v4\/locales\/index\.js$/;

type Outputs = Metafile["outputs"];

const chunks = await build({
  absWorkingDir: ROOT,
  entryPoints: { cli: "src/cli/awg.ts" },
  outdir: "dist",
  bundle: true,
  splitting: true,
  platform: "node",
  target: TARGET,
  format: "esm",
  external: ["koffi"],
  plugins: [{ name: "one language", setup: (build) => build.onLoad({ filter: ZOD_LANGUAGES }, onlyEnglish) }],
  // The modules that ask for it know __filename too.
  define: { "import.meta.url": "undefined" },
  write: false,
  metafile: true,
  logLevel: "warning",
});
const places = placesOf(chunks.metafile.outputs);
const factories = await Promise.all(
  chunks.outputFiles.map(async ({ path, text }) => ({ name: placeOf(basename(path)), factory: await factoryOf(text) })),
);
const parts = PARTS.map((part) => ({
  part,
  text: tableOf(factories.filter(({ name }) => name.startsWith(`${part}/`))),
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
    MAIN: JSON.stringify(entryOf("src/cli/awg.ts")),
    THREAD: JSON.stringify(entryOf("src/compose/packet-thread.ts")),
  },
});

rmSync(DIST, { recursive: true, force: true });
mkdirSync(DIST, { recursive: true });
for (const { part, text } of parts) writeFileSync(join(DIST, `${part}.cjs`), text);
writeFileSync(join(DIST, "NOTICES.txt"), noticesOf(Object.keys(chunks.metafile.inputs)));
writeFileSync(join(DIST, "awg.cjs"), INTERPRETER + launcher.code);
chmodSync(join(DIST, "awg.cjs"), 0o755);

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

/** What a chunk is called: the file it lies in and its own name. */
function placeOf(chunk: string): string {
  return `${places.get(chunk)}/${basename(chunk, ".js")}`;
}

/** The chunk that is entered where this module is. */
function entryOf(module: string): string {
  const found = Object.entries(chunks.metafile.outputs).find(([, { entryPoint }]) => entryPoint === module);
  if (found === undefined) throw new Error(`no chunk begins with ${module}`);
  return placeOf(basename(found[0]));
}

function placesOf(outputs: Outputs): ReadonlyMap<string, Part> {
  const entered = Object.entries(ENTRIES).map(([part, entries]) => ({
    part: part as keyof typeof ENTRIES,
    chunks: chunksBehind(entries, outputs),
  }));
  const partOf = (path: string): Part => {
    const found = entered.find(({ chunks }) => chunks.has(path))?.part;
    return found ?? ((outputs[path]?.bytes ?? 0) < SMALL_BYTES ? "small" : "rest");
  };
  return new Map(Object.keys(outputs).map((path) => [basename(path), partOf(path)]));
}

/** The chunks that hold these entries, and all that those import statically. */
function chunksBehind(entries: readonly string[], outputs: Outputs): ReadonlySet<string> {
  const wanted = Object.keys(outputs).filter((path) => {
    const { inputs = {}, entryPoint } = outputs[path] ?? {};
    return entries.some((entry) => entry === entryPoint || inputs[entry] !== undefined);
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

/** A chunk as the body of a CommonJS module, ASCII only, so that it can be read without decoding. */
async function factoryOf(text: string): Promise<string> {
  const { code } = await transform(text, {
    format: "cjs",
    platform: "node",
    target: TARGET,
    minify: true,
    charset: "ascii",
    supported: { "dynamic-import": false },
    legalComments: "none",
  });
  return code.replace(/require\("\.\/([^"]+\.js)"\)/g, (_, chunk: string) => `require("${placeOf(chunk)}")`);
}

function tableOf(modules: readonly { readonly name: string; readonly factory: string }[]): string {
  const rows = modules.map(
    ({ name, factory }) => `${JSON.stringify(name)}:function(exports,require,module,__filename,__dirname){${factory}}`,
  );
  return `({${rows.join(",\n")}})\n`;
}

function onlyEnglish({ path }: { readonly path: string }): OnLoadResult {
  return { contents: 'export { default as en } from "./en.js";', resolveDir: dirname(path), loader: "js" };
}
