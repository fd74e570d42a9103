import type { PfParsedRule, PfParsedSide } from "./pf-ruleset.ts";
import type { PfTokens } from "./pf-tokens.ts";

const ICMP = 1;
const ICMP6 = 58;

/**
 * What pfctl checks of a rule when it multiplies the lists out.
 *
 * @returns the same rule
 */
export function checkRule<T extends PfParsedRule>(tokens: PfTokens, rule: T): T {
  const { protocols = [], family, options } = rule;
  const isPorted = protocols.length > 0 && protocols.every((one) => one === 6 || one === 17);
  if (!isPorted && (rule.from.ports !== undefined || rule.to.ports !== undefined)) {
    tokens.fail("port only applies to tcp/udp");
  }
  if (options.flags !== undefined && options.flags !== "any" && !protocols.every((one) => one === 6))
    tokens.fail("flags only apply to tcp");
  if (options.icmp !== undefined) {
    if (family === undefined) tokens.fail("must indicate address family with icmp-type/code");
    const protocol = options.icmp.family === 4 ? ICMP : ICMP6;
    if (protocols.length === 0 || protocols.some((one) => one !== protocol))
      tokens.fail("icmp-type needs its protocol");
  }
  checkFamilies(tokens, rule);
  return rule;
}

function checkFamilies(tokens: PfTokens, { family, protocols = [], from, to }: PfParsedRule): void {
  const possible = ([4, 6] as const).filter(
    (one) => (family === undefined || family === one) && allows(from, one) && allows(to, one),
  );
  if (possible.length === 0) tokens.fail("rule expands to no valid combination");
  for (const protocol of protocols) {
    const wanted = protocol === ICMP ? 4 : protocol === ICMP6 ? 6 : undefined;
    // The family is known when it is written or when every address has the same.
    if (
      wanted !== undefined &&
      (family !== undefined || hasAddress(from) || hasAddress(to)) &&
      possible.some((one) => one !== wanted)
    ) {
      tokens.fail(`proto ${protocol} doesn't match address family inet${possible[0] === 6 ? "6" : ""}`);
    }
  }
}

function allows({ hosts }: PfParsedSide, family: 4 | 6): boolean {
  return hosts?.some(({ prefix }) => prefix === undefined || prefix.family === family) ?? true;
}

function hasAddress({ hosts }: PfParsedSide): boolean {
  return hosts?.some(({ prefix }) => prefix !== undefined) ?? false;
}
