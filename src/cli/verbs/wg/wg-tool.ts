import { readFileSync } from "node:fs";
import type { ControlSockets } from "../../../compose/paths.ts";
import { AwgError, messageOf } from "../../../model/error.ts";
import { keyFromBase64, keyFromHex } from "../../../uapi/key-text.ts";
import { EXIT, type ExitCode } from "../../exit-code.ts";
import type { RunVerb, VerbCall } from "../../verb.ts";
import { ENTERED_NETNS } from "../../verb-options.ts";

/** The exit code of wg(8) for every failure; scripts for it check nothing else. */
const FAILED: ExitCode = EXIT.differences;

/** A verb of the wg tool: its errors are one line on stderr and exit code 1, as wg's are. */
export function asWgTool(run: (call: VerbCall) => Promise<void>): RunVerb {
  return async (call) => {
    try {
      await run(call);
      return EXIT.success;
    } catch (error) {
      if (!(error instanceof AwgError) || error.kind === "bug") throw error;
      call.terminal.err(`awg: ${messageOf(error)}`);
      return FAILED;
    }
  };
}

/**
 * The text of a file, `-` and /dev/stdin being standard input.
 *
 * @throws AwgError("usage") naming the file, unless it is a key typed in place of the file
 */
export function readText(call: VerbCall, path: string): string {
  if (path === "-" || path === "/dev/stdin") return call.terminal.readInput();
  try {
    return readFileSync(path, "utf8");
  } catch (error) {
    const why = error instanceof Error && "code" in error ? String(error.code) : "it cannot be read";
    if (isKey(path)) {
      throw new AwgError("usage", "a key is given instead of the name of its file", {
        remedy: "put a new key into a file: other users can see arguments, and may have seen this one",
      });
    }
    throw new AwgError("usage", `cannot read ${path}: ${why}`);
  }
}

function isKey(word: string): boolean {
  return (keyFromBase64(word) ?? keyFromHex(word)) !== undefined;
}

/** Where this call looks for control sockets; with --netns in that namespace alone. */
export async function socketPlaces({ environment }: VerbCall): Promise<ControlSockets> {
  const { controlSocketsHere } = await import("../../../compose/paths.ts");
  return controlSocketsHere(environment[ENTERED_NETNS] !== undefined);
}

/** The words of a call, exactly as many as there must be. @throws AwgError("usage") with the usage */
export function words(call: VerbCall, usage: string, least: number, most: number): readonly string[] {
  const option = call.args.find((word) => word.startsWith("--"));
  if (option !== undefined) {
    throw new AwgError("usage", `unknown option ${option}; the verbs of wg(8) have only --netns`);
  }
  if (call.args.length >= least && call.args.length <= most) return call.args;
  throw new AwgError("usage", `usage: awg ${usage}`);
}
