import { programName } from "../../../model/program/program-name.ts";
import { ProcFolder } from "./proc-folder.ts";

/** A process's name for people, in one line; "a program" after it ended. */
export function processName(pid: number): string {
  const program = new ProcFolder().read(pid);
  return program === undefined ? "a program" : programName(program);
}
