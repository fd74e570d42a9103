/** How a rule selects names: this one, it and all names below it, or every name that contains the text. */
export const DOMAIN_MATCHES = ["exact", "suffix", "keyword"] as const;

/** One selector of names. `name` is lower case and without a trailing dot. */
export interface DomainMatch {
  readonly kind: (typeof DOMAIN_MATCHES)[number];
  readonly name: string;
}

/**
 * A compiled list of selectors. A name is looked up by itself and by each of its parents, so the cost does not grow with
 * the list; keywords are tried one by one.
 */
export function compileDomains(matches: readonly DomainMatch[]): (name: string) => boolean {
  const namesOf = (kind: DomainMatch["kind"]) => matches.flatMap((one) => (one.kind === kind ? [one.name] : []));
  const [exact, suffixes] = [new Set(namesOf("exact")), new Set(namesOf("suffix"))];
  const keywords = [...new Set(namesOf("keyword"))];
  return (asked) => {
    const name = plainName(asked);
    if (exact.has(name) || keywords.some((one) => name.includes(one))) return true;
    for (let at = 0; at >= 0; at = nextLabel(name, at)) if (suffixes.has(name.slice(at))) return true;
    return false;
  };
}

/** A name in the form of a DomainMatch. */
export function plainName(name: string): string {
  return name.toLowerCase().replace(/\.$/, "");
}

function nextLabel(name: string, at: number): number {
  const dot = name.indexOf(".", at);
  return dot < 0 ? -1 : dot + 1;
}
