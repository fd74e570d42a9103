import type { ReadInclude } from "./source/read-sources.ts";

/** What loading a configuration needs to know of the world. */
export interface LoadOptions {
  /** Variables that `{ env: NAME }` may refer to; without it they are not checked. */
  readonly environment?: Readonly<Record<string, string | undefined>>;
  /** Accept secrets in files that other users can read. */
  readonly allowInsecurePermissions?: boolean;
  /** Reads what `include` names, relative to the file that includes it. A folder gives several sources. May throw. */
  readonly readInclude?: ReadInclude;
  /** Version of this program, for `requires`. */
  readonly programVersion?: string;
}
