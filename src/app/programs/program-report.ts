import type { Program } from "../../model/program/program.ts";
import type { ProgramRule } from "./choose-rule.ts";

/** A rule as reported for a program. */
export type ReportedRule = Omit<ProgramRule, "match">;

/** One program with what its rules make of its traffic. */
export interface ProgramLine {
  readonly program: Program;
  /** The user's name, where it has one. */
  readonly user?: string;
  /** TCP and UDP sockets it holds; absent where they could not be counted. */
  readonly sockets?: number;
  /** The class of its sockets by the accepted rules; absent without classes, or where it is not known. */
  readonly class?: number;
  /** The first rule that certainly applies; absent where the rules are not known. */
  readonly rule?: ReportedRule;
  /** Rules before it that may apply: to some of its traffic, or because of what could not be read. */
  readonly perhaps: readonly { readonly rule: ReportedRule; readonly why: "depends" | "unknown" }[];
}

/** A program that started, with its rule; the number of one that ended; or that events were lost. */
export type ProgramWatchEvent = ProgramLine | { readonly ended: number } | { readonly missed: true };

/** The report of `awg ps`. */
export interface ProgramsReport {
  /** Where the rules come from. */
  readonly rulesOf: "config" | "accepted" | "nothing";
  /** Number of the accepted generation, if the rules are from it. */
  readonly generation?: number;
  readonly programs: readonly ProgramLine[];
  /** Facts that could not be read, one sentence each. */
  readonly unseen: readonly string[];
}
