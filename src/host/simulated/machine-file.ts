import { AwgError } from "../../model/error.ts";
import { laptopState, type MachineState } from "./machine-state.ts";

/** The machine as the text of a file for `--host simulated:FILE`. */
export function renderMachineFile(state: MachineState): string {
  return `${JSON.stringify(state, null, 2)}\n`;
}

/**
 * Reads such a file; what it leaves out is as on `laptopState()`, so a file may name only what is different.
 *
 * @throws AwgError("usage") when the text is no JSON object, names an unknown part, or a part has the wrong shape.
 */
export function parseMachineFile(text: string): MachineState {
  const given = parseObject(text);
  const laptop: Record<string, unknown> = { ...laptopState() };
  for (const [name, value] of Object.entries(given)) {
    if (!Object.hasOwn(laptop, name)) throw badFile(`knows no part "${name}"`);
    const mayBeNull = name === "serviceManager" && value === null;
    if (!mayBeNull && shapeOf(value) !== shapeOf(laptop[name]))
      throw badFile(`wants "${name}" to be ${shapeOf(laptop[name])}`);
  }
  if ((given["formatVersion"] ?? 1) !== 1) throw badFile("is of a format this version of awg does not know");
  return { ...laptop, ...given } as unknown as MachineState;
}

function parseObject(text: string): Record<string, unknown> {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch (cause) {
    throw new AwgError("usage", "the file of the simulated machine is no JSON", { cause });
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
  return new AwgError("usage", `the file of the simulated machine ${what}`, {
    remedy: "start from the file that `awg apply --host simulated:FILE` wrote",
  });
}
