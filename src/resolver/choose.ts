import { compileDomains } from "../model/dns/domain-match.ts";
import type { NameServer } from "../model/dns/name-server.ts";
import { type NameRule, type NameService, serversByRule } from "../model/dns/name-service.ts";

/** What becomes of a name: which servers are queried, and which sets get its addresses. */
export interface NameChoice {
  readonly servers: readonly NameServer[];
  readonly sets: readonly string[];
}

/** Compiles the choice for names, in lower case and without the dot at their end. */
export function compileChoice({
  servers,
  split = {},
  sets,
}: NameService): (name: string, rules?: readonly NameRule[]) => NameChoice {
  const domains = Object.keys(split).toSorted((a, b) => b.length - a.length);
  const compiled = sets.map(({ set, domains: some }) => ({ set, holds: compileDomains(some) }));
  return (name, rules = []) => {
    const domain = domains.find((one) => name === one || name.endsWith(`.${one}`));
    const held = compiled.filter(({ holds }) => holds(name)).map(({ set }) => set);
    const own = domain === undefined ? undefined : split[domain];
    return { servers: own ?? serversByRule(rules, held) ?? servers, sets: held };
  };
}
