import type { ExplainedSide } from "./explanation.ts";

/** Traced routes: of the flow, and of the packets in which its tunnel carries it. */
interface TracedPaths {
  readonly destination: string;
  readonly declared: ExplainedSide;
  /** Devices of all tunnels: a direct flow that is routed into one is dropped there. */
  readonly tunnels: readonly string[];
  /** Each endpoint of the tunnel that the flow goes by, with where a packet of its engine is led; none for other paths. */
  readonly endpoints: readonly { readonly address: string; readonly route: string }[];
}

/**
 * Notes that no packet leaves without a route out, as on a host without an uplink. This is no disagreement: neither
 * side has one. Pure.
 */
export function unroutableNote({ destination, declared, tunnels, endpoints }: TracedPaths): readonly string[] {
  const { path, device } = declared;
  if (device === "(no route)" || (path === "direct" && tunnels.includes(device)))
    return [`no route leads ${path === "direct" ? "directly " : ""}to ${destination}, ${NOTHING}`];
  const isLed = ({ route }: TracedPaths["endpoints"][number]) =>
    route === "(local)" || (!route.startsWith("(") && route !== device);
  if (device !== path || endpoints.length === 0 || endpoints.some(isLed)) return [];
  const to = [...new Set(endpoints.map(({ address }) => address))].join(", ");
  return [`no route leads to ${to}, where ${device} sends what it carries, ${NOTHING}`];
}

const NOTHING = "so nothing leaves: the host has no uplink, or no default route by it";
