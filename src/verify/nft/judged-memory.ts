import { CLASS_MARK } from "../../model/ownership.ts";
import { type Diagram, EVERYTHING, NOTHING } from "../space/decision-diagram.ts";
import type { MarkChange } from "../space/mark-classes.ts";
import type { Dimension } from "../space/packet-fields.ts";
import type { PacketSpace } from "../space/packet-space.ts";
import type { JudgedStep } from "./reading/judged-step.ts";

/**
 * The possible contents of awg's sets of judged flows (S5.6): all packets with one of the keys. A key holds the class that
 * the packet has where it is remembered or looked up, so there is one set of packets for each class.
 */
export class JudgedMemory {
  readonly #space: PacketSpace;
  /** By set, key and class. */
  readonly #known: ReadonlyMap<string, Diagram>;
  readonly #added: Map<string, Diagram>;
  readonly #classes: readonly number[];

  /** Empty sets, or the keys that walks with another memory added. */
  constructor(space: PacketSpace, before?: JudgedMemory) {
    this.#space = space;
    this.#known = before === undefined ? new Map() : before.#added;
    this.#added = new Map(this.#known);
    this.#classes = [...new Set(space.marks.map((mark) => mark & CLASS_MARK.mask))];
  }

  /** Walks with this memory added no new key. */
  get isComplete(): boolean {
    return [...this.#added].every(([name, keys]) => keys === this.#known.get(name));
  }

  /** The packets that may match a set of judged flows. A set with another key gives no information. */
  mayHold({ set, key }: JudgedStep, change: MarkChange): Diagram {
    const { diagrams } = this.#space;
    const name = nameOf(set, key);
    const others = [...this.#known.keys()].filter((one) => one.startsWith(`${set} `) && !one.startsWith(`${name} `));
    if (others.length > 0) return EVERYTHING;
    return this.#partsOf(key, change).reduce<Diagram>((union, [part, packets]) => {
      const keys = this.#known.get(`${name} ${part}`) ?? NOTHING;
      return diagrams.or(union, diagrams.and(keys, packets));
    }, NOTHING);
  }

  /** Adds the keys of these packets. */
  add({ set, key }: JudgedStep, packets: Diagram, change: MarkChange): void {
    const { diagrams } = this.#space;
    const fields = key.filter((one): one is Exclude<Dimension, "mark"> => one !== "class");
    for (const [part, ofClass] of this.#partsOf(key, change)) {
      const found = diagrams.and(packets, ofClass);
      if (found === NOTHING) continue;
      const name = `${nameOf(set, key)} ${part}`;
      const keys = this.#space.existsBut(found, fields);
      this.#added.set(name, diagrams.or(this.#added.get(name) ?? NOTHING, keys));
    }
  }

  /** The packets by the class that they have after the change; all of them where the key has no class. */
  #partsOf(key: JudgedStep["key"], change: MarkChange): [part: string, packets: Diagram][] {
    if (!key.includes("class")) return [["any", EVERYTHING]];
    const { mask } = CLASS_MARK;
    return this.#classes.map((value) => [
      `${value}`,
      this.#space.ofTerm({ dimension: "mark", mask, values: [value], not: false }, change),
    ]);
  }
}

const nameOf = (set: string, key: JudgedStep["key"]): string => `${set} ${key.join(".")}`;
