/**
 * Addresses in the order of trying: families in turn, IPv6 first, each in its server's order (RFC 8305 section 4). A
 * family without an uplink comes last.
 *
 * @param usable whether the host has an uplink for the family
 */
export function interleaveFamilies(
  addresses: readonly string[],
  usable: (family: 4 | 6) => boolean = () => true,
): readonly string[] {
  const six = addresses.filter((address) => address.includes(":"));
  const four = addresses.filter((address) => !address.includes(":"));
  const lists = [six, four].filter((list, index) => list.length > 0 && usable(index === 0 ? 6 : 4));
  const others = [six, four].filter((list) => !lists.includes(list)).flat();
  const longest = Math.max(0, ...lists.map((list) => list.length));
  const turns = Array.from({ length: longest }, (_, turn) => lists.flatMap((list) => list.slice(turn, turn + 1)));
  return [...turns.flat(), ...others];
}
