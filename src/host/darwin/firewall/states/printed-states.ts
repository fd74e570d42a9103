import type { PrintedNames } from "../../pf/printed/parse-printed.ts";

/** One end of a state. */
export interface StateHost {
  readonly address: string;
  readonly port?: number;
}

/** A flow with a state: PF passes its packets without evaluating rules. */
export interface PfState {
  /** The interface of a bound state; absent for a floating state, which holds on all. */
  readonly device?: string;
  readonly protocol: number;
  /** `out`: this host opened the flow; `in`: the other side did. */
  readonly direction: "in" | "out";
  readonly local: StateHost;
  readonly remote: StateHost;
}

const FLOATING = /^all$/i;
const PORTED: readonly number[] = [6, 17];

/**
 * Parses the output of `pfctl -s states` (print_state of OpenBSD 4.3's pf_print_state.c): interface, protocol, local endpoint,
 * with NAT the translated one, remote endpoint, arrows between. Other lines are skipped.
 */
export function parsePrintedStates(text: string, names: PrintedNames): PfState[] {
  return text.split("\n").flatMap((line): PfState[] => {
    const [device = "", protocolName = "", ...rest] = line.trim().split(/\s+/);
    const protocol = /^\d+$/.test(protocolName) ? Number(protocolName) : names.protocol(protocolName);
    const arrow = rest[1];
    const last = Math.max(rest.lastIndexOf("->"), rest.lastIndexOf("<-"));
    if (protocol === undefined || (arrow !== "->" && arrow !== "<-") || last < 0) return [];
    const local = hostOf(rest[0] ?? "", protocol);
    const remote = hostOf(rest[last + 1] ?? "", protocol);
    if (local === undefined || remote === undefined) return [];
    const bound = FLOATING.test(device) ? {} : { device };
    return [{ ...bound, protocol, direction: arrow === "->" ? "out" : "in", local, remote }];
  });
}

/** `192.0.2.1:53`, `2001:db8::1[53]`, either without the port; a zone is not part of the address here. */
function hostOf(text: string, protocol: number): StateHost | undefined {
  const [, six, portOfSix] = /^([0-9a-f:.]*:[0-9a-f:.]*:[0-9a-f:.]*)(?:%[^[]*)?(?:\[(\d+)\])?$/i.exec(text) ?? [];
  const [, four, portOfFour] = /^(\d+\.\d+\.\d+\.\d+)(?::(\d+))?$/.exec(text) ?? [];
  const address = six ?? four;
  if (address === undefined) return undefined;
  const port = portOfSix ?? portOfFour;
  // For ICMP the identifier is in the port's place.
  return { address, ...(port === undefined || !PORTED.includes(protocol) ? {} : { port: Number(port) }) };
}
