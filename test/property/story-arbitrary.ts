import fc from "fast-check";
import { configArbitrary } from "./config-arbitrary.ts";
import type { Story } from "./laws.ts";
import { machineArbitrary } from "./machine-arbitrary.ts";

const amnesia = fc.constantFrom(...Array<boolean>(11).fill(false), true);

/** One configuration gives way to another. */
export const exchangeArbitrary: fc.Arbitrary<Story> = fc.record({
  start: machineArbitrary,
  before: configArbitrary,
  after: fc.oneof({ weight: 5, arbitrary: configArbitrary }, { weight: 1, arbitrary: fc.constant(null) }),
  amnesia,
});

/** A first apply. */
export const firstApplyArbitrary: fc.Arbitrary<Story> = fc.record({
  start: machineArbitrary,
  before: fc.constant(null),
  after: configArbitrary,
  amnesia: fc.constant(false),
});

/** A destroy. */
export const destroyArbitrary: fc.Arbitrary<Story> = fc.record({
  start: machineArbitrary,
  before: fc.option(configArbitrary, { nil: null, freq: 9 }),
  after: fc.constant(null),
  amnesia,
});

/** Any of them, and the same configuration once more. */
export const storyArbitrary: fc.Arbitrary<Story> = fc.oneof(
  { weight: 6, arbitrary: exchangeArbitrary },
  { weight: 2, arbitrary: firstApplyArbitrary },
  { weight: 1, arbitrary: destroyArbitrary },
  { weight: 1, arbitrary: exchangeArbitrary.map((story) => ({ ...story, after: story.before, amnesia: true })) },
);
