import type { System } from "./feature/support.ts";
import type { ReadInclude } from "./source/read-sources.ts";

/** What loading a config needs to know of its surroundings. */
export interface LoadOptions {
  /** Accept secrets in files that other users can read. */
  readonly allowInsecurePermissions?: boolean;
  /** Reads what `include` names, relative to the including file. A folder returns several sources. May throw. */
  readonly readInclude?: ReadInclude;
  /** Version of this program, for `requires`. */
  readonly programVersion?: string;
  /** Warn of each key that a plan on this system refuses. */
  readonly refusedOn?: System;
}
