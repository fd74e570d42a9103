import fc from "fast-check";
import { configArbitrary } from "./config-arbitrary.ts";
import type { Story } from "./laws.ts";
import { machineArbitrary } from "./machine-arbitrary.ts";

/** A change from one configuration to another, a first apply (one in five) or a destroy (one in seven). */
export const storyArbitrary: fc.Arbitrary<Story> = fc.record({
  start: machineArbitrary,
  before: fc.option(configArbitrary, { nil: null, freq: 4 }),
  after: fc.option(configArbitrary, { nil: null, freq: 6 }),
});
