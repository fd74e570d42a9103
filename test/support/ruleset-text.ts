const BLOCK = /^\t(?:set|chain) \S+ \{\n(?:\t\t.*\n)*\t\}\n/gm;

/**
 * What `nft list` prints, equal for two loads of one policy: with the names that sets of ranges were rendered with, which each
 * load numbers anew, and with the sets and chains of each table sorted, since a load keeps those it need not change.
 */
export function settledRuleset(text: string): string {
  const plain = text.replaceAll(/(@|\bset )([A-Za-z][\w-]*)\.\d+\b/g, "$1$2");
  return plain
    .split(/^(?=table )/m)
    .map((table) =>
      [table.replaceAll(BLOCK, "").replaceAll(/\n+/g, "\n"), ...(table.match(BLOCK) ?? []).toSorted()].join("\n"),
    )
    .join("");
}
