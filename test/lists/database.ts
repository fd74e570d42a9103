/** Builds a MaxMind DB with these networks: a small writer of the documented format, independent of the reader. */
export function buildDatabase(
  networks: readonly (readonly [prefix: string, country: string])[],
  { recordBits = 24, version = 6 }: { readonly recordBits?: 24 | 28 | 32; readonly version?: 4 | 6 } = {},
): Uint8Array {
  interface Node {
    children: (Node | string | undefined)[];
    number: number;
  }
  const root: Node = { children: [undefined, undefined], number: 0 };
  for (const [prefix, country] of networks) insert(root, bitsOf(prefix, version), country);
  const nodes: Node[] = [];
  const waiting = [root];
  for (let node = waiting.shift(); node !== undefined; node = waiting.shift()) {
    node.number = nodes.length;
    nodes.push(node);
    waiting.push(...node.children.filter((one) => typeof one === "object"));
  }
  const data: number[] = [];
  const offsets = new Map<string, number>();
  for (const country of new Set(networks.map(([, one]) => one))) {
    offsets.set(country, data.length);
    data.push(
      ...encode({ country: { iso_code: country, names: { en: `Land ${country}` } }, is_test: true, n: 70_000 }),
    );
  }
  const tree: number[] = [];
  for (const { children } of nodes) {
    const [left = 0, right = 0] = children.map((one) => {
      if (one === undefined) return nodes.length;
      return typeof one === "string" ? nodes.length + 16 + (offsets.get(one) ?? 0) : one.number;
    });
    tree.push(...packed(left, right, recordBits));
  }
  const metadata = encode({ node_count: nodes.length, record_size: recordBits, ip_version: version });
  const marker = [0xab, 0xcd, 0xef, ...Buffer.from("MaxMind.com")];
  return Uint8Array.from([...tree, ...new Array<number>(16).fill(0), ...data, ...marker, ...metadata]);

  function insert(start: Node, bits: string, country: string): void {
    let node = start;
    for (const [index, bit] of [...bits].entries()) {
      const side = Number(bit);
      if (index === bits.length - 1) {
        node.children[side] = country;
        return;
      }
      const next = node.children[side];
      const below: Node = typeof next === "object" ? next : { children: [next, next], number: 0 };
      node.children[side] = below;
      node = below;
    }
  }
}

function bitsOf(prefix: string, version: 4 | 6): string {
  const [address = "", length = ""] = prefix.split("/");
  if (!address.includes(":")) {
    const bits = address
      .split(".")
      .map((part) => Number(part).toString(2).padStart(8, "0"))
      .join("");
    return (version === 6 ? "0".repeat(96) : "") + bits.slice(0, Number(length));
  }
  const [head = "", tail = ""] = address.split("::");
  const groups = (text: string) => (text === "" ? [] : text.split(":"));
  const [first, last] = [groups(head), groups(tail)];
  const all = [...first, ...new Array<string>(8 - first.length - last.length).fill("0"), ...last];
  const bits = all.map((group) => Number.parseInt(group, 16).toString(2).padStart(16, "0")).join("");
  return bits.slice(0, Number(length));
}

function packed(left: number, right: number, recordBits: number): number[] {
  const bytes = (value: number, count: number) =>
    Array.from({ length: count }, (_, index) => Math.floor(value / 256 ** (count - 1 - index)) % 256);
  if (recordBits !== 28) return [...bytes(left, recordBits / 8), ...bytes(right, recordBits / 8)];
  const middle = (Math.floor(left / 2 ** 24) << 4) | Math.floor(right / 2 ** 24);
  return [...bytes(left % 2 ** 24, 3), middle, ...bytes(right % 2 ** 24, 3)];
}

function encode(value: unknown): number[] {
  if (typeof value === "string") return [...control(2, Buffer.byteLength(value)), ...Buffer.from(value)];
  if (typeof value === "boolean") return [value ? 1 : 0, 7];
  if (typeof value === "number") {
    const bytes = [value >>> 24, (value >>> 16) & 255, (value >>> 8) & 255, value & 255];
    const used = bytes.slice(bytes.findIndex((byte) => byte !== 0));
    return [...control(6, value === 0 ? 0 : used.length), ...(value === 0 ? [] : used)];
  }
  const entries = Object.entries(value as object);
  return [...control(7, entries.length), ...entries.flatMap(([key, one]) => [...encode(key), ...encode(one)])];
}

function control(type: number, size: number): number[] {
  if (size < 29) return [(type << 5) | size];
  return [(type << 5) | 29, size - 29];
}
