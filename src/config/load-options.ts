import type { ReadInclude } from "./source/read-sources.ts";

/** What loading a config needs to know of its surroundings. */
export interface LoadOptions {
  /** Variables that `{ env: NAME }` may name; without it they are not checked. */
  readonly environment?: Readonly<Record<string, string | undefined>>;
  /** Accept secrets in files that other users can read. */
  readonly allowInsecurePermissions?: boolean;
  /** Reads what `include` names, relative to the including file. A folder returns several sources. May throw. */
  readonly readInclude?: ReadInclude;
  /** Version of this program, for `requires`. */
  readonly programVersion?: string;
}
