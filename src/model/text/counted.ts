/**
 * A number with its noun as English has it: `1 route`, `0 routes`, `2 entries`. Pure.
 * @param more what stands for every other number than one; the noun with an s where it is left out
 */
export function counted(count: number | bigint, one: string, more = `${one}s`): string {
  return `${count} ${count === 1 || count === 1n ? one : more}`;
}
