import fc from "fast-check";
import type { Config } from "../../src/config/config.ts";
import { configArbitrary } from "./config-arbitrary.ts";
import type { Story } from "./laws.ts";
import { machineArbitrary, type StartingMachine } from "./machine-arbitrary.ts";

/** Stories of every kind, on machines and with configurations of one kind. */
export interface Stories {
  /** One configuration gives way to another. */
  readonly exchange: fc.Arbitrary<Story>;
  readonly firstApply: fc.Arbitrary<Story>;
  readonly destroy: fc.Arbitrary<Story>;
  /** The same configuration again, on a machine where it stands and nobody remembers. */
  readonly adoption: fc.Arbitrary<Story>;
  /** Any of them. */
  readonly any: fc.Arbitrary<Story>;
}

/** Stories on these machines, with these configurations. */
export function storiesOn(start: fc.Arbitrary<StartingMachine>, config: fc.Arbitrary<Config>): Stories {
  const amnesia = fc.constantFrom(...Array<boolean>(11).fill(false), true);
  const nothing = fc.constant(null);
  const exchange: fc.Arbitrary<Story> = fc.record({
    start,
    before: config,
    after: fc.oneof({ weight: 5, arbitrary: config }, { weight: 1, arbitrary: nothing }),
    amnesia,
  });
  const firstApply = fc.record({ start, before: nothing, after: config, amnesia: fc.constant(false) });
  const before = fc.option(config, { nil: null, freq: 9 });
  const destroy = fc.record({ start, before, after: nothing, amnesia });
  const adoption = exchange.map((story) => ({ ...story, after: story.before, amnesia: true }));
  const any = fc.oneof(
    { weight: 6, arbitrary: exchange },
    { weight: 2, arbitrary: firstApply },
    { weight: 1, arbitrary: destroy },
    { weight: 1, arbitrary: adoption },
  );
  return { exchange, firstApply, destroy, adoption, any };
}

/** Those of the Linux laptop. */
export const laptopStories: Stories = storiesOn(machineArbitrary, configArbitrary);
