import type { Config } from "../../config/config.ts";
import type { Problem } from "../../config/problem.ts";

/** One config file as read. */
export interface SourceFile {
  readonly name: string;
  readonly text: string;
  /** Permission bits and owner, for a file. */
  readonly mode?: number;
  readonly uid?: number;
  readonly gid?: number;
}

/** A config and its problems; `config` is undefined if one of them is an error. */
export interface LoadedConfig {
  readonly config: Config | undefined;
  readonly problems: readonly Problem[];
  readonly hash: string;
  readonly sources: readonly string[];
  /** `file:line:column` of each secret reference, by the reference as JSON. */
  readonly secretPlaces?: Readonly<Record<string, string>>;
  /** `file:line:column` of each use of a feature that some hosts lack, by its path. */
  readonly featurePlaces?: Readonly<Record<string, string>>;
  /** `file:line` of the default, each tunnel and each rule: `default`, `tunnels/office`, `rules/0`, `rules/1 (media)`. */
  readonly entryLines?: Readonly<Record<string, string>>;
}
