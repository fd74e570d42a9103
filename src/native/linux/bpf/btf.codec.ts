/**
 * The kernel's description of its own types (BTF; Documentation/bpf/btf.rst), which /sys/kernel/btf/vmlinux holds. awg reads
 * from it where in a structure a member is, since that differs between kernels.
 */

const MAGIC = 0xeb9f;
const HEADER = { length: 4, typesAt: 8, typesLength: 12, stringsAt: 16, stringsLength: 20, bytes: 24 } as const;
const KIND = { struct: 4, union: 5 } as const;
const MEMBER_BYTES = 12;
/** Bytes after the twelve that every type has: for the type, and for each of its `vlen` elements; by kind. */
const EXTRA_BYTES: Readonly<Record<number, number>> = { 1: 4, 3: 12, 14: 4, 17: 4 };
const ELEMENT_BYTES: Readonly<Record<number, number>> = { 4: 12, 5: 12, 6: 8, 13: 8, 15: 12, 19: 12 };
const LAST_KIND = 19;
/** typedef, volatile, const, restrict, type tag. */
const QUALIFIERS: readonly number[] = [8, 9, 10, 11, 18];
const MOST_QUALIFIERS = 16;

/** Bytes from the start of a structure to a member, by `structure.member` or `structure.member.member`. */
export type MemberOffsets = ReadonlyMap<string, number>;

/**
 * Finds members, also those in unnamed structures and unions. A member that this kernel lacks is absent from the result.
 *
 * @throws RangeError when the bytes are not BTF of a little-endian kernel.
 */
export function readMemberOffsets(bytes: Uint8Array, wanted: readonly string[]): MemberOffsets {
  const types = readTypes(bytes, new Set(wanted.map((path) => path.split(".")[0] ?? "")));
  const found = wanted.flatMap((path) => {
    const [structure = "", ...members] = path.split(".");
    const at = types.named.get(structure);
    const offset = at === undefined ? undefined : offsetOf(types, at, members);
    return offset === undefined ? [] : [[path, offset] as const];
  });
  return new Map(found);
}

interface Types {
  readonly view: DataView;
  /** Where the type of each number begins; 0 is `void`. */
  readonly at: readonly number[];
  /** Where the structures with the wanted names begin. */
  readonly named: ReadonlyMap<string, number>;
  readonly nameAt: (offset: number) => string;
}

function readTypes(bytes: Uint8Array, wanted: ReadonlySet<string>): Types {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  if (bytes.length < HEADER.bytes || view.getUint16(0, true) !== MAGIC) throw new RangeError("not BTF");
  const start = view.getUint32(HEADER.length, true);
  const strings = start + view.getUint32(HEADER.stringsAt, true);
  const stringsEnd = Math.min(strings + view.getUint32(HEADER.stringsLength, true), bytes.length);
  const nameAt = (offset: number): string => {
    const from = strings + offset;
    const to = bytes.indexOf(0, from);
    return new TextDecoder().decode(bytes.subarray(from, to === -1 ? stringsEnd : Math.min(to, stringsEnd)));
  };
  const at = [0];
  const named = new Map<string, number>();
  let position = start + view.getUint32(HEADER.typesAt, true);
  const end = Math.min(position + view.getUint32(HEADER.typesLength, true), bytes.length);
  while (position + 12 <= end) {
    const info = view.getUint32(position + 4, true);
    const kind = (info >>> 24) & 0x1f;
    if (kind === 0 || kind > LAST_KIND) throw new RangeError(`unknown kind ${kind} of a type`);
    at.push(position);
    if (kind === KIND.struct) {
      const name = nameAt(view.getUint32(position, true));
      if (wanted.has(name) && !named.has(name)) named.set(name, position);
    }
    position += 12 + (EXTRA_BYTES[kind] ?? 0) + (ELEMENT_BYTES[kind] ?? 0) * (info & 0xffff);
  }
  return { view, at, named, nameAt };
}

/** Bytes to the last of `members`, which are nested in each other; undefined if one is missing or no whole byte. */
function offsetOf(types: Types, structure: number, [first, ...rest]: readonly string[]): number | undefined {
  if (first === undefined) return 0;
  for (const { name, type, bits } of membersOf(types, structure)) {
    if (bits % 8 !== 0) continue;
    const inner = unqualified(types, type);
    const members = name === first ? rest : name === "" ? [first, ...rest] : undefined;
    if (members === undefined) continue;
    const below = members.length === 0 ? 0 : offsetOf(types, inner, members);
    if (below !== undefined) return bits / 8 + below;
  }
  return undefined;
}

/** Where a type begins that is behind typedefs, const, volatile, restrict and tags. */
function unqualified({ view, at }: Types, type: number): number {
  let position = at[type] ?? 0;
  for (let depth = 0; depth < MOST_QUALIFIERS && position !== 0; depth += 1) {
    if (!QUALIFIERS.includes((view.getUint32(position + 4, true) >>> 24) & 0x1f)) return position;
    position = at[view.getUint32(position + 8, true)] ?? 0;
  }
  return position;
}

function* membersOf({ view, nameAt }: Types, structure: number) {
  const info = structure === 0 ? 0 : view.getUint32(structure + 4, true);
  const kind = (info >>> 24) & 0x1f;
  if (kind !== KIND.struct && kind !== KIND.union) return;
  const hasBitfields = info >>> 31 === 1;
  for (let index = 0; index < (info & 0xffff); index += 1) {
    const at = structure + 12 + index * MEMBER_BYTES;
    const offset = view.getUint32(at + 8, true);
    yield {
      name: nameAt(view.getUint32(at, true)),
      type: view.getUint32(at + 4, true),
      bits: hasBitfields ? offset & 0xff_ffff : offset,
    };
  }
}
