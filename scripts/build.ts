/**
 * Builds the package: the program's modules in two files, `core.cjs` with what a plain `awg diff` runs and `rest.cjs`
 * with all else, and `awg.cjs`, which runs them and keeps their compiled code (scripts/launcher.ts).
 *
 * An argument names another folder than dist/.
 */
import { createHash } from "node:crypto";
import { chmodSync, mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { basename, join, resolve } from "node:path";
import { build, type Metafile, transform } from "esbuild";
import { VERBS } from "../src/cli/verbs.ts";

const ROOT = join(import.meta.dirname, "..");
const DIST = resolve(process.argv[2] ?? join(ROOT, "dist"));
const TARGET = "node24";
/** What NODE_OPTIONS says is left out: it could load a program, open a debugger or write the heap of a root process to a file. */
const INTERPRETER =
  "#!/usr/bin/env -S -u NODE_OPTIONS -u NODE_V8_COVERAGE node --disable-sigusr1 --disable-warning=ExperimentalWarning\n";

/** Chunks below this size are not worth reading another file for. */
const SMALL_BYTES = 4_096;
/** Where a plain `awg diff` enters; what these import without `import()` comes with them. */
const CORE_ENTRIES = [
  "src/cli/awg.ts",
  "src/cli/verbs/diff.ts",
  "src/compose/open-session.ts",
  "src/compose/linux-parts.ts",
];

/** Processes of awg's own, started by awg. */
const LASTING = ["engine", "keeper"];

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
  // The modules that ask for it know __filename too.
  define: { "import.meta.url": "undefined" },
  write: false,
  metafile: true,
  logLevel: "warning",
});
const coreNames = namesOfCore(chunks.metafile.outputs);
const factories = await Promise.all(
  chunks.outputFiles.map(async ({ path, text }) => ({ name: moduleName(path), factory: await factoryOf(text) })),
);
const core = tableOf(factories.filter(({ name }) => coreNames.has(name)));
const rest = tableOf(factories.filter(({ name }) => !coreNames.has(name)));
const launcher = await transform(readFileSync(join(ROOT, "scripts/launcher.ts"), "utf8"), {
  loader: "ts",
  format: "cjs",
  platform: "node",
  target: TARGET,
  minify: true,
  define: {
    BUILD: JSON.stringify(createHash("sha256").update(core).update(rest).digest("hex").slice(0, 16)),
    KOFFI_VERSION: JSON.stringify(versionOf("koffi")),
    VERB_NAMES: JSON.stringify([...VERBS.filter(({ hidden }) => hidden !== true).map(({ name }) => name), ...LASTING]),
    LASTING_VERBS: JSON.stringify(LASTING),
  },
});

rmSync(DIST, { recursive: true, force: true });
mkdirSync(DIST, { recursive: true });
writeFileSync(join(DIST, "core.cjs"), core);
writeFileSync(join(DIST, "rest.cjs"), rest);
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

function moduleName(path: string): string {
  return `./${basename(path, ".js")}.cjs`;
}

/** The chunks that hold the entries of the core, all that those import statically, and the small ones. */
function namesOfCore(outputs: Outputs): ReadonlySet<string> {
  const wanted = Object.keys(outputs).filter((path) => {
    const { inputs = {}, entryPoint } = outputs[path] ?? {};
    return CORE_ENTRIES.some((entry) => entry === entryPoint || inputs[entry] !== undefined);
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
  const small = Object.keys(outputs).filter((path) => (outputs[path]?.bytes ?? 0) < SMALL_BYTES);
  return new Set([...found, ...small].map(moduleName));
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
  return code.replace(/require\("(\.\/[^"]+)\.js"\)/g, 'require("$1.cjs")');
}

function tableOf(modules: readonly { readonly name: string; readonly factory: string }[]): string {
  const rows = modules.map(
    ({ name, factory }) => `${JSON.stringify(name)}:function(exports,require,module,__filename,__dirname){${factory}}`,
  );
  return `({${rows.join(",\n")}})\n`;
}
