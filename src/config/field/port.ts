import { type Fault, fault, isFault, leaf, quote, wrongType } from "./leaf.ts";
import { PORTS_PATTERN } from "./patterns.ts";
import { checkWholeNumber } from "./scalar.ts";

/** Ports from..to, both included; equal for one port. */
export interface PortRange {
  readonly from: number;
  readonly to: number;
}

/** One port or a range: `443` or `8000-8999`. */
export function portRange() {
  const json = {
    anyOf: [
      { type: "integer", minimum: 1, maximum: 65535 },
      { type: "string", pattern: PORTS_PATTERN },
    ],
  };
  return leaf({ ...json, form: "port or range" }, (input): PortRange | Fault => {
    if (typeof input !== "number" && typeof input !== "string") return wrongType(input, "443 or 8000-8999");
    const match = /^([0-9]{1,5})(?:-([0-9]{1,5}))?$/.exec(String(input).slice(0, 24));
    if (match === null) return fault("port-syntax", `${quote(input)} is not a port`, "for example 443 or 8000-8999");
    const from = checkPort(Number(match[1]));
    const to = checkPort(Number(match[2] ?? match[1]));
    if (isFault(from)) return from;
    if (isFault(to)) return to;
    if (from > to) return fault("port-reversed", `the range ${quote(input)} is reversed`, `use ${to}-${from}`);
    return { from, to };
  });
}

/** A port number that traffic can have. */
export function checkPort(port: number): number | Fault {
  if (port === 0) return fault("port-zero", "port 0 is not valid", "use a port from 1 to 65535");
  return checkWholeNumber(port, 1, 65535);
}
