import { sameData } from "../../model/canonical.ts";
import { CLASSIFIER_HOOKS, type ClassifierObserved, type ClassifierSpec } from "../../model/program/classifier.ts";
import { atomText, conditionText } from "../../model/program/classifier-text.ts";
import type { FieldChange } from "../../model/resource.ts";
import { setChange, valueChange } from "../field-change.ts";

/**
 * What differs: hooks without the classifier, paths that lead to another file than at its load, and what it decides by.
 */
export function diffClassifier(desired: ClassifierSpec, observed: ClassifierObserved): FieldChange[] {
  const { spec, missing, replaced } = observed;
  return [
    ...missing.map((hook): FieldChange => ({ field: `/hooks/${hook}`, before: "detached", after: "attached" })),
    ...replaced.map((path): FieldChange => ({ field: "/paths", before: `another file at ${path}`, after: path })),
    ...(spec === undefined ? [] : specChanges(spec, desired)),
    ...(spec === undefined && missing.length < CLASSIFIER_HOOKS.length ? [UNREADABLE] : []),
  ];
}

const UNREADABLE: FieldChange = { field: "/conditions", before: "differs between the hooks" };
const RENUMBERED: FieldChange = { field: "/classes", before: "the same in the same order", after: "renumbered" };

function specChanges(before: ClassifierSpec, after: ClassifierSpec): FieldChange[] {
  const changes = [
    ...setChange("/atoms", before.atoms.map(atomText), after.atoms.map(atomText)),
    ...setChange("/conditions", conditionTexts(before), conditionTexts(after)),
    ...valueChange("/classes", before.classes.length, after.classes.length),
  ];
  if (changes.length > 0) return changes;
  // The same parts in another order or with other numbers.
  return [
    ...valueChange("/atoms", before.atoms, after.atoms),
    ...valueChange("/conditions", before.conditions, after.conditions),
    ...valueChange("/final", before.final, after.final),
    ...(sameData(before.classes, after.classes) ? [] : [RENUMBERED]),
  ];
}

function conditionTexts({ conditions, atoms }: ClassifierSpec): string[] {
  return conditions.map((condition) => conditionText(condition, atoms));
}

/** The spec that the kernel has; undefined unless every hook has it. */
export function classifierAsSpec({ spec, missing }: ClassifierObserved): ClassifierSpec | undefined {
  return missing.length === 0 ? spec : undefined;
}
