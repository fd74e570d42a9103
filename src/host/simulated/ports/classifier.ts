import { AwgError } from "../../../model/error.ts";
import type { ClassifierPort } from "../../ports/kernel/classifier.ts";
import type { SimulatedMachine } from "../machine.ts";

/** The classifier of the simulated host, which remembers what it would decide by. One load is one write. */
export function simulatedClassifier(machine: SimulatedMachine): ClassifierPort {
  return {
    async read() {
      machine.checkAlive("classifier.read");
      return machine.live.classifiers[0];
    },
    async load(spec) {
      machine.checkAlive("classifier.load");
      const { classifier } = machine.live.capabilities;
      if (spec !== null && classifier?.ok !== true) {
        throw new AwgError("unsupported", `this host cannot classify sockets: ${classifier?.reason ?? "no BPF"}`);
      }
      if (spec === null && machine.live.classifiers.length === 0) return;
      machine.perform(spec === null ? "classifier.remove" : "classifier.load", () => {
        machine.live.classifiers = spec === null ? [] : [{ spec, missing: [], replaced: [] }];
      });
    },
  };
}
