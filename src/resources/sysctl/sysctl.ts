import type { FieldChange } from "../../model/resource.ts";
import type { SysctlObserved, SysctlSpec } from "../../model/resources/sysctl.ts";
import { pointerToken, valueChange } from "../field-change.ts";

/** Which of the wanted settings have another value; others are not ours to judge. */
export function diffSysctl(desired: SysctlSpec, observed: SysctlObserved): FieldChange[] {
  return Object.keys(desired.values)
    .toSorted()
    .flatMap((name) => valueChange(`/values/${pointerToken(name)}`, observed.values[name], desired.values[name]));
}

/** What to write: what is wanted, and the originals of what is wanted no longer. */
export function restoringSysctl(wanted: SysctlSpec | null, original: SysctlSpec | null): SysctlSpec | null {
  if (wanted === null && original === null) return null;
  return { values: { ...original?.values, ...wanted?.values } };
}

/** The value each accepted setting had before awg ever touched it: what is kept already wins. */
export function rememberSysctl(kept: SysctlSpec | null, before: SysctlSpec | null, accepted: SysctlSpec): SysctlSpec {
  const known = { ...before?.values, ...kept?.values };
  return { values: Object.fromEntries(Object.entries(known).filter(([name]) => Object.hasOwn(accepted.values, name))) };
}
