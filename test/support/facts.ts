import { existsSync, readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";

const FOLDER = join(import.meta.dirname, "../facts");
const BESIDE = join(process.env["AWG_FACTS"] ?? join(import.meta.dirname, "../../../shared/facts"), "darwin-fixtures");

/** The path of a table, recording or corpus in test/facts, whose README names the source of each. */
export function facts(name: string): string {
  return join(FOLDER, name);
}

/** A JSON file of test/facts. */
export function readFacts<T>(name: string): T {
  return JSON.parse(readFileSync(facts(name), "utf8")) as T;
}

/** One output of a macOS program. */
export interface DarwinOutput {
  /** "constructed" in test/facts, or "captured" on a Mac by other projects and read where AWG_FACTS has it. */
  readonly origin: "constructed" | "captured";
  readonly name: string;
  readonly text: string;
}

/** Every output of a kind ("ifconfig", "netstat-rn" …): those constructed here, then the captured ones, if any. */
export function darwinOutputs(kind: string): readonly DarwinOutput[] {
  const constructed = join(FOLDER, "darwin-outputs", kind);
  const captured = join(BESIDE, kind);
  return [...outputsIn(constructed, "constructed"), ...(existsSync(captured) ? outputsIn(captured, "captured") : [])];
}

/** One constructed output by its path: "ifconfig/laptop.txt". */
export function darwinOutput(path: string): string {
  return readFileSync(join(FOLDER, "darwin-outputs", path), "utf8");
}

/** The bytes of an output that holds them in hexadecimal. */
export function bytesOf({ text }: Pick<DarwinOutput, "text">): Uint8Array {
  return Uint8Array.from(text.trim().split(/\s+/), (byte) => Number.parseInt(byte, 16));
}

function outputsIn(folder: string, origin: DarwinOutput["origin"]): DarwinOutput[] {
  return readdirSync(folder).map((name) => ({ origin, name, text: readFileSync(join(folder, name), "utf8") }));
}
