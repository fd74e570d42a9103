import { AwgError } from "../../model/error.ts";
import { laptopState, type MachineState } from "./machine-state.ts";

/** The state as the text of a file for `--host simulated:FILE`. */
export function renderMachineFile(state: MachineState): string {
  return `${JSON.stringify(state, null, 2)}\n`;
}

/**
 * Parses such a file; parts that it omits are those of `laptopState()`.
 *
 * @throws AwgError("usage") when the text is not a JSON object, names an unknown part, or a part has the wrong type.
 */
export function parseMachineFile(text: string): MachineState {
  const given = parseObject(text);
  const laptop: Record<string, unknown> = { ...laptopState() };
  for (const [name, value] of Object.entries(given)) {
    if (!Object.hasOwn(laptop, name)) throw badFile(`has an unknown part "${name}"`);
    const mayBeNull = name === "serviceManager" && value === null;
    if (!mayBeNull && shapeOf(value) !== shapeOf(laptop[name]))
      throw badFile(`wants "${name}" to be ${shapeOf(laptop[name])}`);
  }
  if ((given["formatVersion"] ?? 1) !== 1) throw badFile("has a format that this version of awg does not support");
  return { ...laptop, ...given } as unknown as MachineState;
}

function parseObject(text: string): Record<string, unknown> {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch (cause) {
    throw new AwgError("usage", "the file of the simulated host is not JSON", { cause });
  }
  if (shapeOf(value) !== "an object") throw badFile("must be one object");
  return value as Record<string, unknown>;
}

function shapeOf(value: unknown): string {
  if (Array.isArray(value)) return "a list";
  if (value === null) return "null";
  return typeof value === "object" ? "an object" : `a ${typeof value}`;
}

function badFile(what: string): AwgError {
  return new AwgError("usage", `the file of the simulated host ${what}`, {
    remedy: "start from the file that `awg apply --host simulated:FILE` wrote",
  });
}
