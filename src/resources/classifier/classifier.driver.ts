import type { Host } from "../../host/ports/host.ts";
import type { ClassifierPort } from "../../host/ports/kernel/classifier.ts";
import { AwgError } from "../../model/error.ts";
import type { StepOf } from "../../model/plan.ts";
import type { ClassifierObserved } from "../../model/program/classifier.ts";
import type { ResourceKey } from "../../model/resource.ts";
import type { ResourceDriver } from "../driver.ts";
import { classifierAsSpec, diffClassifier } from "./classifier.ts";

/** The one classifier of a network namespace. */
export const CLASSIFIER_KEY: ResourceKey<"classifier"> = "classifier/host";

/** Drives the kernel's classifier of sockets: `classifier/host`. */
export const classifierDriver: ResourceDriver<"classifier"> = {
  kind: "classifier",
  observe: observeClassifier,
  diff: diffClassifier,
  asSpec: classifierAsSpec,
  // Only what is pinned in awg's own folder is read.
  isOwned: () => true,
  apply: applyClassifier,
  enforcement: (_, { classifier }) => (classifier?.ok === true ? "enforced" : "unsupported"),
};

async function observeClassifier(host: Host): Promise<ReadonlyMap<ResourceKey<"classifier">, ClassifierObserved>> {
  const observed = await host.classifier?.read();
  return new Map(observed === undefined ? [] : [[CLASSIFIER_KEY, observed]]);
}

async function applyClassifier(host: Host, steps: readonly StepOf<"classifier">[]): Promise<void> {
  for (const { action, after } of steps) {
    if (action === "adopt" || action === "forget") continue;
    await portOf(host).load(after);
  }
}

function portOf({ classifier }: Host): ClassifierPort {
  if (classifier !== undefined) return classifier;
  throw new AwgError("unsupported", "this system cannot classify sockets by program");
}
