import type { Config } from "../../config/config.ts";
import type { HostFacts } from "../../host/ports/facts.ts";
import { sameData } from "../../model/canonical.ts";
import { AwgError } from "../../model/error.ts";
import type { SecretId } from "../../model/secret.ts";
import type { ExpandOptions } from "../../resources/expand/expansion.ts";
import { type Expansion, expand } from "../../resources/expand.ts";

/** All that an expansion is made of; plain data. */
export interface ExpansionInput {
  readonly config: Config;
  readonly facts: HostFacts;
  /** Ids of the secrets that the configuration names, by the reference as JSON. */
  readonly secretIds: Readonly<Record<string, SecretId>>;
  readonly options: Omit<ExpandOptions, "secrets">;
}

export type ExpandInput = (input: ExpansionInput) => Expansion;

/** The resources of a configuration. Pure. */
export const expandOnce: ExpandInput = ({ config, facts, secretIds, options }) =>
  expand(config, facts, {
    ...options,
    secrets: (ref) => {
      const id = secretIds[JSON.stringify(ref)];
      if (id === undefined) throw new AwgError("bug", "a secret was not resolved before expansion");
      return id;
    },
  });

/**
 * An expansion that keeps its last result and gives it again for equal input. The result depends on the input alone.
 */
export function memoizedExpansion(): ExpandInput {
  let last: { readonly input: ExpansionInput; readonly expansion: Expansion } | undefined;
  return (input) => {
    if (last === undefined || !sameData(last.input, input)) last = { input, expansion: expandOnce(input) };
    return last.expansion;
  };
}
