import { markOfClass } from "../../model/ownership.ts";
import type { Resource } from "../../model/resource.ts";
import type { ProgramLine } from "../programs/program-report.ts";

/** The class of the program that sends, as the mark of its socket, and notes for people. */
export interface ProgramSender {
  readonly mark: number;
  readonly notes: readonly string[];
}

const NO_CLASS = "explained for a program without a class (S4.13)";

/**
 * What the socket of a program has in its mark by the accepted rules. Without a program, or one whose class is not known,
 * the flow is explained as that of a program without a class. Pure.
 */
export function senderOf(
  accepted: readonly Resource[],
  programs: readonly Pick<ProgramLine, "class">[],
): ProgramSender {
  const isClassified = accepted.some(({ kind }) => kind === "classifier");
  if (!isClassified) return { mark: 0, notes: programs.length === 0 ? [] : ["no rule asks for a program"] };
  const classes = [...new Set(programs.map((line) => line.class))];
  const [only] = classes;
  if (classes.length === 1 && only !== undefined && only !== 0) {
    return { mark: markOfClass(only), notes: [`sockets of this program have class ${only}`] };
  }
  if (classes.length > 1) {
    return { mark: 0, notes: ["rules treat these processes differently; name one with --pid", NO_CLASS] };
  }
  const asked = programs.length === 0 ? ["rules ask for programs; name one with --pid or --app"] : [];
  return { mark: 0, notes: [...asked, NO_CLASS] };
}
