import { programName } from "../../../model/program/program-name.ts";
import { ProcFolder } from "./proc-folder.ts";

/** What a person knows a process by, in one line; one that has ended is "a program". */
export function processName(pid: number): string {
  const program = new ProcFolder().read(pid);
  return program === undefined ? "a program" : programName(program);
}
