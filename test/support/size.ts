/** True in the nightly run, whose configuration sets AWG_SIZE: a test that has two sizes then plays the larger one. */
export const isFullSize = process.env["AWG_SIZE"] === "full";

/** The first in the usual run, the second in the nightly one. */
export function sized<T>(usual: T, full: T): T {
  return isFullSize ? full : usual;
}

/** A count by the size of the run; the variable of the environment sets another. */
export function countOf(variable: string, usual: number, full: number): number {
  return Number(process.env[variable] ?? sized(usual, full));
}
