import type { FieldChange } from "../../model/resource.ts";
import type { SysctlObserved, SysctlSpec } from "../../model/resources/sysctl.ts";
import { pointerToken, valueChange } from "../field-change.ts";

/** The wanted settings that have another value; other settings are not ours. */
export function diffSysctl(desired: SysctlSpec, observed: SysctlObserved): FieldChange[] {
  return Object.keys(desired.values)
    .toSorted()
    .flatMap((name) => valueChange(`/values/${pointerToken(name)}`, observed.values[name], desired.values[name]));
}

/** What to write: the wanted values, and the originals of settings that are no longer wanted. */
export function restoringSysctl(wanted: SysctlSpec | null, original: SysctlSpec | null): SysctlSpec | null {
  if (wanted === null && original === null) return null;
  return { values: { ...original?.values, ...wanted?.values } };
}

/** The value of each accepted setting before awg changed it; a kept original takes precedence. */
export function rememberSysctl(kept: SysctlSpec | null, before: SysctlSpec | null, accepted: SysctlSpec): SysctlSpec {
  const known = { ...before?.values, ...kept?.values };
  return { values: Object.fromEntries(Object.entries(known).filter(([name]) => Object.hasOwn(accepted.values, name))) };
}
