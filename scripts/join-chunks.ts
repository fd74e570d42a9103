/**
 * Joins chunks that are always loaded together: esbuild makes one for each set of `import()`s that reach it, some three hundred,
 * and what crosses from chunk to chunk goes through a property that is a function, which costs at each start and each call.
 */
import { build, type Plugin } from "esbuild";

/** A chunk as esbuild made it: an ES module. */
export interface Chunk {
  readonly text: string;
  readonly exports: readonly string[];
  /** Whether somebody asks for it by `import()`, or it is where the program begins. */
  readonly isEntered: boolean;
}

/** The names by which a joined module hands out what its chunks export. */
type Names = ReadonlyMap<string, string>;

const STATIC_IMPORT = /\bimport \{([^}]*)\} from "\.\/([^"]+)\.js"/g;
const DYNAMIC_IMPORT = /\bimport\("\.\/([^"]+)\.js"\)/g;
const INSIDE = "inside";
const OUTSIDE = "outside";

/**
 * The chunks as bodies of CommonJS modules, by the name of the module that each is to be in; one that holds several runs
 * as a whole when the first of them is asked for. ASCII only, so that they can be read without decoding.
 */
export async function joinChunks(
  chunks: ReadonlyMap<string, Chunk>,
  moduleOf: (chunk: string) => string,
  target: string,
): Promise<ReadonlyMap<string, string>> {
  const members = Map.groupBy(chunks.keys(), moduleOf);
  const wanted = importedNames(chunks, moduleOf);
  const names = new Map([...members].flatMap(([, inside]) => [...namesOf(inside, chunks, wanted)]));
  const bodies = [...members].map(async ([module, inside]) => {
    const lines = inside.flatMap((chunk) => [
      `import "./${chunk}.js";`,
      ...[...(names.get(chunk) ?? [])].map(([name, as]) => `export { ${name} as ${as} } from "./${chunk}.js";`),
    ]);
    const { outputFiles } = await build({
      stdin: { contents: lines.join("\n"), resolveDir: "/" },
      bundle: true,
      format: "cjs",
      // For node esbuild would list the exports once more, for importers that cannot run the module.
      platform: "neutral",
      target,
      minify: true,
      charset: "ascii",
      // Run as a script it has nobody who would answer an `import()` of node's own modules.
      supported: { "dynamic-import": false },
      legalComments: "none",
      write: false,
      logLevel: "warning",
      plugins: [resolveChunks(module, chunks, moduleOf, names)],
    });
    return [module, outputFiles[0]?.text ?? ""] as const;
  });
  return new Map(await Promise.all(bodies));
}

/** What other modules import from each chunk. */
function importedNames(
  chunks: ReadonlyMap<string, Chunk>,
  moduleOf: (chunk: string) => string,
): ReadonlyMap<string, ReadonlySet<string>> {
  const found = new Map([...chunks.keys()].map((chunk) => [chunk, new Set<string>()]));
  for (const [importer, { text }] of chunks) {
    for (const [, clause = "", imported = ""] of text.matchAll(STATIC_IMPORT)) {
      if (moduleOf(imported) === moduleOf(importer)) continue;
      for (const one of clause.split(",")) found.get(imported)?.add(one.trim().replace(/ as .*$/s, ""));
    }
  }
  return found;
}

/** Who is asked for by `import()` keeps its names; another's are changed where they would meet. */
function namesOf(
  inside: readonly string[],
  chunks: ReadonlyMap<string, Chunk>,
  wanted: ReadonlyMap<string, ReadonlySet<string>>,
): ReadonlyMap<string, Names> {
  const taken = new Set<string>();
  const isEntered = (chunk: string) => chunks.get(chunk)?.isEntered === true;
  const first = inside.toSorted((a, b) => Number(isEntered(b)) - Number(isEntered(a)));
  return new Map(
    first.map((chunk) => {
      const own = isEntered(chunk) ? (chunks.get(chunk)?.exports ?? []) : [...(wanted.get(chunk) ?? [])];
      const named = own.map((name): [string, string] => {
        if (isEntered(chunk) && taken.has(name)) throw new Error(`two modules that are loaded together export ${name}`);
        let as = name;
        for (let n = 2; taken.has(as); n += 1) as = `${name}$${n}`;
        taken.add(as);
        return [name, as];
      });
      return [chunk, new Map(named)];
    }),
  );
}

function resolveChunks(
  module: string,
  chunks: ReadonlyMap<string, Chunk>,
  moduleOf: (chunk: string) => string,
  names: ReadonlyMap<string, Names>,
): Plugin {
  const requireOf = (chunk: string) => `Promise.resolve().then(() => require(${JSON.stringify(moduleOf(chunk))}))`;
  return {
    name: "joined chunks",
    setup: ({ onResolve, onLoad }) => {
      onResolve({ filter: /^\.\// }, ({ path }) => {
        const chunk = path.slice("./".length, -".js".length);
        return { path: chunk, namespace: moduleOf(chunk) === module ? INSIDE : OUTSIDE };
      });
      onResolve({ filter: /^[^.]/ }, ({ path, kind }) =>
        kind === "entry-point" ? undefined : { path, external: true },
      );
      onLoad({ filter: /./, namespace: INSIDE }, ({ path }) => ({
        contents: chunks.get(path)?.text.replace(DYNAMIC_IMPORT, (_, chunk: string) => requireOf(chunk)) ?? "",
        resolveDir: "/",
      }));
      onLoad({ filter: /./, namespace: OUTSIDE }, ({ path }) => {
        const exported = [...(names.get(path) ?? [])].map(([name, as]) => `${as} as ${name}`);
        return { contents: `export { ${exported.join(", ")} } from ${JSON.stringify(moduleOf(path))};` };
      });
    },
  };
}
