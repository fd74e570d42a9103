/**
 * The addresses of a name by the resolver of the system, in its order; none if it does not resolve in time.
 *
 * @param withinMs how long it may take
 */
export async function lookUpBySystem(host: string, withinMs: number): Promise<readonly string[]> {
  const { lookup } = await import("node:dns/promises");
  const { promise: tooLate, resolve } = Promise.withResolvers<readonly string[]>();
  const timer = setTimeout(() => resolve([]), withinMs);
  try {
    const answers = lookup(host, { all: true, order: "verbatim" }).then(
      (all) => all.map(({ address }) => address),
      () => [],
    );
    return await Promise.race([answers, tooLate]);
  } finally {
    clearTimeout(timer);
  }
}
