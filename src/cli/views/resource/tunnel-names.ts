import type { Step } from "../../../model/plan.ts";
import type { Resource } from "../../../model/resource.ts";
import { tunnelOfDevice } from "../../../model/resources/tunnel-key.ts";

type NamedStep = Partial<Pick<Step, "before" | "after">>;

/** The tunnels of devices that are named otherwise: shortened, renamed or taken over. */
export type TunnelNames = ReadonlyMap<string, string>;

/** Those of a plan, before and after. */
export function tunnelNames(resources: readonly Resource[], steps: readonly NamedStep[]): TunnelNames {
  const specs = [
    ...resources.map(({ spec }) => spec),
    ...steps.flatMap(({ before = null, after = null }) => [before, after]),
  ];
  return new Map(
    specs.flatMap((spec) => {
      if (spec === null || !("device" in spec && "tunnel" in spec) || spec.tunnel === "") return [];
      return tunnelOfDevice(spec.device) === spec.tunnel ? [] : [[spec.device, spec.tunnel] as const];
    }),
  );
}

/** The same data with each of these devices named after its tunnel: "se-mma-wg-002" for "awg-se-mm-96113". */
export function withTunnelNames<T>(data: T, names: TunnelNames): T {
  return names.size === 0 ? data : (renamed(data, names) as T);
}

function renamed(value: unknown, names: TunnelNames): unknown {
  if (typeof value === "string") return names.get(value) ?? renamedInside(value, names);
  if (Array.isArray(value)) return value.map((one) => renamed(one, names));
  if (typeof value !== "object" || value === null) return value;
  return Object.fromEntries(Object.entries(value).map(([name, one]) => [name, renamed(one, names)]));
}

/** Members of lists come as their JSON, fields as pointers. */
function renamedInside(text: string, names: TunnelNames): string {
  if (!text.startsWith("{") && !text.startsWith("/")) return text;
  const [open, close] = text.startsWith("{") ? ['"', '"'] : ["/", "/"];
  return [...names].reduce(
    (result, [device, tunnel]) => result.replaceAll(`${open}${device}${close}`, `${open}${tunnel}${close}`),
    text,
  );
}
