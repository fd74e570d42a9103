import type { AffectedFlows } from "../../../app/plan/affected/affected-flows.ts";

type AffectedProgram = AffectedFlows["programs"][number];
type AffectedFlow = AffectedFlows["flows"][number];

/** Processes named on a line; the others are counted. */
const MOST_NAMED = 6;

/** The programs and flows that change their path, for people; all programs only where asked for. Pure. */
export function affectedLines({ programs, flows, more }: AffectedFlows, isVerbose = false): string[] {
  const rest = more === 0 ? [] : [`  and ${more} more`];
  return [
    ...(programs.length === 0 ? [] : ["Programs on another path afterwards:", ...programLines(programs, isVerbose)]),
    ...(flows.length === 0
      ? []
      : ["Open flows on another path afterwards; their connections may break:", ...flows.map(flowLine), ...rest]),
  ];
}

/** A line for each pair of paths: "  curl (12), node (5, 7) and 12 more: direct → office". */
function programLines(programs: readonly AffectedProgram[], isVerbose: boolean): string[] {
  const ofPaths = Map.groupBy(programs, ({ from, to }) => `${from} → ${to}`);
  return [...ofPaths].map(([paths, changed]) => {
    const named = isVerbose ? changed : changed.slice(0, MOST_NAMED);
    const names = [...Map.groupBy(named, ({ program }) => program)].map(
      ([name, some]) => `${name} (${some.map(({ pid }) => pid).join(", ")})`,
    );
    const more = changed.length - named.length;
    return `  ${names.join(", ")}${more === 0 ? "" : ` and ${more} more`}: ${paths}`;
  });
}

/** "  firefox (1234) tcp 192.0.2.10 port 443: direct → office". */
function flowLine({ program, pid, protocol, destination, port, from, to }: AffectedFlow): string {
  return `  ${program} (${pid}) ${protocol} ${destination} port ${port}: ${from} → ${to}`;
}
