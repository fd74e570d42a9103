/** Lines of which one text has more than the other, "-" before and "+" after; empty when equal up to order. */
export function differingLines(before: string, after: string): string {
  const balance = new Map<string, number>();
  for (const line of before.split("\n")) balance.set(line, (balance.get(line) ?? 0) - 1);
  for (const line of after.split("\n")) balance.set(line, (balance.get(line) ?? 0) + 1);
  const changed = [...balance].filter(([, count]) => count !== 0);
  return changed.map(([line, count]) => `${count < 0 ? "-" : "+"} ${line}`).join("\n");
}
