/** What a person can do about nf_tables tables of another program with the name of one of awg's. Pure. */
export function foreignTableRemedy(tables: readonly string[]): string {
  const commands = tables.map((table) => `nft delete table ${table}`).join("; ");
  return `rename the table in the other program, or remove it: ${commands}`;
}
