import { sameData } from "../../model/canonical.ts";
import type { FieldChange } from "../../model/resource.ts";
import type { ServiceObserved, ServiceSpec } from "../../model/resources/service.ts";
import { setChange, valueChange } from "../field-change.ts";

/** What differs from the live service: its text, whether the manager has loaded it, whether it runs if it should. */
export function diffService(desired: ServiceSpec, observed: ServiceObserved): FieldChange[] {
  return [
    ...definitionChange(observed.definition ?? "", desired.definition),
    ...valueChange("/loaded", observed.loaded, true),
    ...(observed.outdated ? valueChange("/outdated", true, false) : []),
    ...(desired.keepRunning ? valueChange("/running", observed.running, true) : []),
  ];
}

/** A service as it can be restored; undefined when it has no definition. */
export function serviceAsSpec(observed: ServiceObserved): ServiceSpec | undefined {
  const { name, path, uid, definition, running } = observed;
  if (definition === null) return undefined;
  return { name, path, definition, keepRunning: running, ...(uid === undefined ? {} : { uid }) };
}

/** The added and removed lines; moved lines are reported as such. */
function definitionChange(before: string, after: string): FieldChange[] {
  if (before === after) return [];
  const changes = setChange("/definition", linesOf(before), linesOf(after));
  return changes.length > 0 || sameData(before, after) ? changes : [{ field: "/definition", after: "other order" }];
}

function linesOf(text: string): readonly string[] {
  return text.split("\n").filter((line) => line !== "");
}
