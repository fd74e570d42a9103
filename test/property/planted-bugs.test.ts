import fc from "fast-check";
import { describe, expect, test } from "vitest";
import type { Host } from "../../src/host/ports/host.ts";
import type { StepOf } from "../../src/model/plan.ts";
import type { DriverRegistry } from "../../src/resources/driver.ts";
import { driverRegistry } from "../../src/resources/registry.ts";
import { ownFaultArbitrary } from "./fault-arbitrary.ts";
import { playWithFault, rehearse } from "./laws.ts";
import { SEED } from "./seed.ts";
import { laptopStories } from "./story-arbitrary.ts";
import { Tally } from "./tally.ts";
import { AWG, type Makeup } from "./world.ts";

/** A mistake somebody could make in a driver, and the law whose check must notice it. */
interface PlantedBug {
  readonly law: number;
  readonly what: string;
  readonly makeup: Makeup;
}

const { firewall, link, sysctl, tunnel } = driverRegistry;

const BUGS: readonly PlantedBug[] = [
  {
    law: 1,
    what: "the old policy is removed before the new one is loaded",
    makeup: withDrivers({
      firewall: {
        ...firewall,
        async apply(host: Host, steps: readonly StepOf<"firewall">[]) {
          await host.firewall.load(null);
          await firewall.apply(host, steps);
        },
      },
    }),
  },
  {
    law: 1,
    what: "the kill switch is forgotten in what is loaded",
    makeup: withDrivers({
      firewall: {
        ...firewall,
        async apply(host: Host, steps: readonly StepOf<"firewall">[]) {
          const open = (policy: StepOf<"firewall">["after"]) =>
            policy && { ...policy, layers: policy.layers.map((layer) => ({ ...layer, killSwitch: false })) };
          await firewall.apply(
            host,
            steps.map((step) => ({ ...step, after: open(step.after) })),
          );
        },
        diff: () => [],
      },
    }),
  },
  {
    law: 3,
    what: "reading a setting writes it",
    makeup: withDrivers({
      sysctl: {
        ...sysctl,
        async observe(host, wanted) {
          const observed = await sysctl.observe(host, wanted);
          for (const { values } of observed.values()) await host.sysctl.write(values);
          return observed;
        },
      },
    }),
  },
  {
    law: 4,
    what: "addresses are never set",
    makeup: withDrivers({
      link: {
        ...link,
        apply: (host: Host, steps: readonly StepOf<"link">[]) =>
          link.apply(
            host,
            steps.map((step) => (step.after === null ? step : { ...step, after: { ...step.after, addresses: [] } })),
          ),
      },
    }),
  },
  {
    law: 4,
    what: "engines are told no endpoint, and the check overlooks it",
    makeup: withDrivers({
      tunnel: {
        ...tunnel,
        diff: () => [],
        async apply(host: Host, steps: readonly StepOf<"tunnel">[]) {
          const peerless = steps.map((step) =>
            step.after === null ? step : { ...step, after: { ...step.after, peers: [] } },
          );
          await tunnel.apply(host, peerless);
        },
      },
    }),
  },
  {
    law: 5,
    what: "what is about to be done is not written down first",
    makeup: {
      ...AWG,
      stores: (stores) => ({
        ...stores,
        journal: {
          ...stores.journal,
          append: async (record) => {
            if (record.type !== "batch" && record.type !== "done") await stores.journal.append(record);
          },
        },
      }),
    },
  },
  {
    law: 6,
    what: "kernel settings are not put back",
    makeup: withDrivers({ sysctl: { ...sysctl, remember: () => null, restoring: (wanted) => wanted } }),
  },
];

describe("a planted bug is found", () => {
  test.each(BUGS)("law $law: $what", { timeout: 120_000 }, async ({ law, makeup }) => {
    const options = { makeup, tally: new Tally(), probesPerWrite: 30 };
    const property = fc.asyncProperty(laptopStories.any, fc.array(ownFaultArbitrary, FAULTS), async (story, faults) => {
      const rehearsal = await rehearse(story, options);
      if (rehearsal === undefined) return;
      for (const fault of faults) await playWithFault(rehearsal, fault, undefined, options);
    });
    const details = await fc.check(property, { seed: SEED, numRuns: 60, endOnFailure: true });
    expect(details.failed).toBe(true);
    expect(details.errorInstance).toMatchObject({ law });
  });
});

const FAULTS = { minLength: 4, maxLength: 4 };

function withDrivers(drivers: Partial<DriverRegistry>): Makeup {
  return { ...AWG, registry: { ...driverRegistry, ...drivers } };
}
