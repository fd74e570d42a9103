import { type Diagram, EVERYTHING, NOTHING } from "../space/decision-diagram.ts";
import type { PacketSpace } from "../space/packet-space.ts";
import type { JudgedStep } from "./reading/judged-step.ts";

/** The possible contents of awg's sets of judged flows (S5.6): all packets with one of the keys. */
export class JudgedMemory {
  readonly #space: PacketSpace;
  /** By set and key. */
  readonly #known: ReadonlyMap<string, Diagram>;
  readonly #added: Map<string, Diagram>;

  /** Empty sets, or the keys that walks with another memory added. */
  constructor(space: PacketSpace, before?: JudgedMemory) {
    this.#space = space;
    this.#known = before === undefined ? new Map() : before.#added;
    this.#added = new Map(this.#known);
  }

  /** Walks with this memory added no new key. */
  get isComplete(): boolean {
    return [...this.#added].every(([name, keys]) => keys === this.#known.get(name));
  }

  /** The packets that may match a set of judged flows. A set with another key gives no information. */
  mayHold({ set, key }: JudgedStep): Diagram {
    const others = [...this.#known.keys()].filter((name) => name.startsWith(`${set} `) && name !== nameOf(set, key));
    return others.length > 0 ? EVERYTHING : (this.#known.get(nameOf(set, key)) ?? NOTHING);
  }

  /** Adds the keys of these packets. */
  add({ set, key }: JudgedStep, packets: Diagram): void {
    const name = nameOf(set, key);
    const keys = this.#space.existsBut(packets, key);
    this.#added.set(name, this.#space.diagrams.or(this.#added.get(name) ?? NOTHING, keys));
  }
}

const nameOf = (set: string, key: JudgedStep["key"]): string => `${set} ${key.join(" ")}`;
