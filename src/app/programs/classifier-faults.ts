import type { ClassifierObserved, ClassifierSpec } from "../../model/program/classifier.ts";
import { diffClassifier } from "../../resources/classifier/classifier.ts";

const HOOKS = "/hooks/";
const GONE = "the classifier is not attached: new sockets get no class";

/** What differs between the accepted classifier and the kernel's, for people: a clause each, [] if nothing. Pure. */
export function classifierFaults(accepted: ClassifierSpec, observed: ClassifierObserved | undefined): string[] {
  if (observed === undefined) return [GONE];
  const changes = diffClassifier(accepted, observed);
  const hooks = changes.flatMap(({ field }) => (field.startsWith(HOOKS) ? [field.slice(HOOKS.length)] : []));
  const isOther = changes.some(({ field }) => !field.startsWith(HOOKS) && field !== "/paths");
  return [
    ...(hooks.length === 0 ? [] : [`the classifier is not attached at ${hooks.join(", ")}`]),
    ...observed.replaced.map((path) => `${path} is another file or folder than when the classifier was loaded`),
    ...(isOther ? ["the classifier decides by other conditions than the accepted rules"] : []),
  ];
}
