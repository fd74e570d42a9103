import { MECHANISMS, PURPOSES } from "../../src/app/capabilities/mechanism-catalogue.ts";
import { cell, code, generatedFrom, page, table } from "./markdown.ts";

/** The page of the mechanisms of each system. */
export function capabilitiesPage(): string {
  return page(
    generatedFrom("src/app/capabilities/mechanism-catalogue.ts"),
    "# What awg uses of each system",
    "This page is for people who choose a host. `awg capabilities` tries each mechanism of its own system and says why one is missing; the ids are stable.",
    "Where several serve one purpose, the text says which one awg uses. Mechanisms of Linux are never looked for on macOS, nor the reverse.",
    ...(["linux", "darwin"] as const).flatMap((system) => [
      system === "linux" ? "## Linux" : "## macOS",
      ...(system === "linux" ? [] : ["Written, never run on a Mac."]),
      table(
        ["purpose", "id", "mechanism", "where it works", "where it is missing"],
        MECHANISMS[system].map(({ id, purpose, name, use, lack }) => [
          cell(PURPOSES[purpose]),
          code(id),
          cell(name),
          cell(use === "" ? "–" : use),
          cell(lack === "" ? "–" : lack),
        ]),
      ),
    ]),
  );
}
