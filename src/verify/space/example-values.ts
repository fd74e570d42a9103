import { type Family, parseIp } from "../../model/ip.ts";
import { USUAL_LENGTH } from "../finding.ts";
import { NO_USER, type NumberDimension } from "./packet-fields.ts";

/** Preferred values of example packets, where the rules leave a choice. */
const EXAMPLES: Readonly<Record<NumberDimension, Readonly<Record<Family, readonly (bigint | string)[]>>>> = {
  user: { 4: [1000n, 1001n, NO_USER], 6: [1000n, 1001n, NO_USER] },
  protocol: { 4: [17n, 6n, 1n], 6: [17n, 6n, 58n] },
  length: { 4: [BigInt(USUAL_LENGTH)], 6: [BigInt(USUAL_LENGTH)] },
  hops: { 4: [64n], 6: [64n] },
  sender: { 4: [1n], 6: [1n] },
  word0: { 4: [40_000n], 6: [40_000n] },
  word2: { 4: [443n, 4433n], 6: [443n, 4433n] },
  destination: { 4: ["203.0.113.7", "198.51.100.7"], 6: ["2001:db8:77::7", "2001:db8:78::7"] },
  source: { 4: ["192.168.1.2", "198.51.100.2"], 6: ["2001:db8:1::2", "2001:db8:2::2"] },
};

/** All numeric dimensions. */
export const NUMBER_DIMENSIONS = Object.keys(EXAMPLES) as readonly NumberDimension[];

/** The preferred values of each dimension, best first. */
export function exampleValues(family: Family, sources: readonly string[]): Record<NumberDimension, bigint[]> {
  const numbers = (values: readonly (bigint | string)[]) =>
    values.flatMap((value) => (typeof value === "bigint" ? [value] : (addressOf(value, family) ?? [])));
  const examples = Object.fromEntries(
    Object.entries(EXAMPLES).map(([name, values]) => [name, numbers(values[family])]),
  );
  return { ...examples, source: numbers([...sources, ...EXAMPLES.source[family]]) } as Record<
    NumberDimension,
    bigint[]
  >;
}

function addressOf(text: string, family: Family): bigint | undefined {
  const ip = parseIp(text);
  return ip?.family === family ? ip.value : undefined;
}
