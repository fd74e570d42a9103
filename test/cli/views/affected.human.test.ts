import { expect, test } from "vitest";
import { affectedLines } from "../../../src/cli/verbs/plan/affected.human.ts";

const program = (pid: number, name: string, to: string) => ({ pid, program: name, from: "direct", to });
const many = Array.from({ length: 20 }, (_, index) => program(100 + index, index < 2 ? "node" : `p${index}`, "office"));

test("programs on another path: a line for each pair of paths, six processes of it and how many more", () => {
  const programs = [program(21_005, "py", "block"), program(21_006, "py", "block"), ...many];
  expect(affectedLines({ programs, flows: [], more: 0 })).toEqual([
    "Programs on another path afterwards:",
    "  py (21005, 21006): direct → block",
    "  node (100, 101), p2 (102), p3 (103), p4 (104), p5 (105) and 14 more: direct → office",
  ]);
  const [, , whole] = affectedLines({ programs, flows: [], more: 0 }, true);
  expect(whole).toMatch(/p18 \(118\), p19 \(119\): direct → office$/);
});

test("open flows follow the programs; without either there is nothing to print", () => {
  const flow = { ...program(1, "py", "block"), protocol: "tcp" as const, destination: "192.0.2.1", port: 443 };
  expect(affectedLines({ programs: [program(1, "py", "block")], flows: [flow], more: 3 })).toEqual([
    "Programs on another path afterwards:",
    "  py (1): direct → block",
    "Open flows on another path afterwards; their connections may break:",
    "  py (1) tcp 192.0.2.1 port 443: direct → block",
    "  and 3 more",
  ]);
  expect(affectedLines({ programs: [], flows: [], more: 0 })).toEqual([]);
});
