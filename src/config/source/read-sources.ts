import type { ConfigSource } from "../config-hash.ts";
import type { Findings } from "./finding.ts";
import { MAX_FILES } from "./limits.ts";
import { readYaml } from "./read-yaml.ts";
import { childOf, type MapNode, type Place } from "./source-node.ts";

/** Reads what an `include` names; `from` is the source that contains it. */
export type ReadInclude = (name: string, from: string) => ConfigSource | readonly ConfigSource[];

export interface ReadSources {
  /** The sources in merge order: each is followed by what it includes. */
  readonly sources: readonly ConfigSource[];
  readonly roots: readonly MapNode[];
  /** Whether every source is valid YAML, so that reading can continue. */
  readonly isReadable: boolean;
}

/** Reads all sources and what they include; a file included twice counts once. */
export function readSources(
  sources: readonly ConfigSource[],
  readInclude: ReadInclude | undefined,
  findings: Findings,
): ReadSources {
  const reader = new SourceReader(readInclude, findings);
  for (const source of sources) reader.read(source, []);
  return { sources: reader.sources, roots: reader.roots, isReadable: reader.isReadable && reader.roots.length > 0 };
}

class SourceReader {
  readonly sources: ConfigSource[] = [];
  readonly roots: MapNode[] = [];
  isReadable = true;
  readonly #readInclude: ReadInclude | undefined;
  readonly #findings: Findings;

  constructor(readInclude: ReadInclude | undefined, findings: Findings) {
    this.#readInclude = readInclude;
    this.#findings = findings;
  }

  read(source: ConfigSource, chain: readonly string[]): void {
    const index = this.sources.push(source) - 1;
    const root = readYaml(index, source.text.startsWith("\uFEFF") ? source.text.slice(1) : source.text, this.#findings);
    if (root === undefined) {
      this.isReadable = false;
      return;
    }
    this.roots.push(root);
    const include = childOf(root, "include");
    if (include?.kind !== "list") return;
    for (const item of include.items) {
      if (item.kind === "scalar" && typeof item.value === "string") {
        this.#include(item.value, item.place, source.name, [...chain, source.name]);
      }
    }
  }

  #include(name: string, place: Place, from: string, chain: readonly string[]): void {
    for (const source of this.#fetch(name, place, from)) {
      if (chain.includes(source.name)) {
        this.#findings.add("include-cycle", place, "the file is included by itself", "remove this include");
      } else if (this.sources.length >= MAX_FILES) {
        const message = `the configuration has more than ${MAX_FILES} files`;
        this.#findings.add("include-too-many", place, message, "merge some of them");
      } else if (!this.sources.some((known) => known.name === source.name)) this.read(source, chain);
    }
  }

  #fetch(name: string, place: Place, from: string): readonly ConfigSource[] {
    const remedy = "use an existing file, relative to this one";
    if (this.#readInclude === undefined) {
      this.#findings.add("include-unreadable", place, "include is not available here", "put everything into one file");
      return [];
    }
    try {
      return [this.#readInclude(name, from)].flat();
    } catch (error) {
      const reason = whyUnreadable(error);
      this.#findings.add("include-unreadable", place, `the file cannot be included (${reason})`, remedy);
      return [];
    }
  }
}

/** Node's message for a missing or unreadable file names the system call; these do not. */
const SYSTEM_REASONS: Readonly<Record<string, string>> = {
  ENOENT: "no such file",
  ENOTDIR: "a parent folder is a file",
  EACCES: "permission denied",
  EPERM: "permission denied",
  ELOOP: "symbolic links form a cycle",
  ENAMETOOLONG: "its name is too long",
};

function whyUnreadable(error: unknown): string {
  if (!(error instanceof Error)) return "it cannot be read";
  const code = "code" in error && typeof error.code === "string" ? error.code : "";
  return SYSTEM_REASONS[code] ?? error.message.split("\n")[0] ?? "it cannot be read";
}
