import fc from "fast-check";

/** The seed of every property test; AWG_SEED overrides it. fast-check prints it in each failure. */
export const SEED = Number(process.env["AWG_SEED"] ?? 20261121);

/** Checks a property with the house's seed. */
export function checkProperty<T>(property: fc.IProperty<T>, runs = 300): void {
  fc.assert(property, { seed: SEED, numRuns: runs });
}
