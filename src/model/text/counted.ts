/**
 * A number with its noun: `1 route`, `0 routes`, `2 entries`. Pure.
 * @param more the plural; the noun with an s if absent
 */
export function counted(count: number | bigint, one: string, more = `${one}s`): string {
  return `${count} ${count === 1 || count === 1n ? one : more}`;
}
