import { expect, test } from "vitest";
import type { PlanNote } from "../../../src/app/plan/planned.ts";
import { printNotes } from "../../../src/cli/views/notes.ts";

function printed(...notes: readonly PlanNote[]): string[] {
  const lines: string[] = [];
  printNotes(notes, { colorErr: false, err: (line: string) => void lines.push(line) } as never);
  return lines;
}

test("a note names how a rule is enforced, unless the kernel enforces it", () => {
  const kernel = "enforced by the kernel";
  expect(
    printed(
      { path: "rules.0", message: kernel, enforcement: "enforced" },
      { path: "rules.6", message: "matches the addresses that awg's resolver found", enforcement: "best-effort" },
      { path: "dns.servers", message: "held to their path", enforcement: "enforced" },
      { path: "default", message: "macOS has no fallback", enforcement: "advisory" },
      { path: "tunnels.office", message: "down on request" },
    ),
  ).toEqual([
    "note: rules.6 (best-effort): matches the addresses that awg's resolver found",
    "note: dns.servers: held to their path",
    "note: default (advisory): macOS has no fallback",
    "note: tunnels.office: down on request",
  ]);
});

test("a rule has one note if its users are missing", () => {
  const users: PlanNote = { path: "rules.0.users", message: "no user nobody on this host" };
  const nothing: PlanNote = {
    path: "rules.0",
    message: "matches nothing here: none of its users exists",
    enforcement: "enforced",
    isWarning: true,
  };
  expect(printed(users, nothing)).toEqual(["note: rules.0.users: no user nobody on this host"]);
  expect(printed({ ...users, path: "rules.1.users" }, nothing)).toHaveLength(2);
});
