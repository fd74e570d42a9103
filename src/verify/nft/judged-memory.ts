import { type Diagram, EVERYTHING, NOTHING } from "../space/decision-diagram.ts";
import type { PacketSpace } from "../space/packet-space.ts";
import type { JudgedStep } from "./reading/judged-step.ts";

/** What awg's sets of judged flows may hold (S5.6): all packets with one of the keys. */
export class JudgedMemory {
  readonly #space: PacketSpace;
  /** By set and key. */
  readonly #known: ReadonlyMap<string, Diagram>;
  readonly #added: Map<string, Diagram>;

  /** Sets that hold nothing yet, or what walks with another memory have added. */
  constructor(space: PacketSpace, before?: JudgedMemory) {
    this.#space = space;
    this.#known = before === undefined ? new Map() : before.#added;
    this.#added = new Map(this.#known);
  }

  /** Whether walks with this memory have added nothing that was not known. */
  get isComplete(): boolean {
    return [...this.#added].every(([name, keys]) => keys === this.#known.get(name));
  }

  /** The packets that may be known for ones of a judged flow. A set that is filled by another key tells nothing. */
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
