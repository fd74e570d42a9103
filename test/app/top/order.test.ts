import { expect, test } from "vitest";
import { listInOrder, type PlacedProgram, treeInOrder } from "../../../src/app/top/order.ts";
import { traffic } from "./programs.ts";

const PROGRAMS = [
  traffic(1, 0, 0, "init"),
  traffic(5, 1, 0, "shell"),
  traffic(7, 5, 10, "curl"),
  traffic(9, 1, 40, "sshd"),
  traffic(8, 5, 90, "browser"),
  traffic(6, 1, 0, "idle"),
];
const text = (placed: readonly PlacedProgram[]): readonly string[] =>
  placed.map(({ program, depth }) => `${" ".repeat(depth)}${program.line.program.name}`);

test.each([
  ["rate", ["browser", "sshd", "curl"]],
  ["pid", ["curl", "browser", "sshd"]],
  ["name", ["browser", "curl", "sshd"]],
  ["connections", ["curl", "browser", "sshd"]],
] as const)("a list by %s has the programs with sockets", (sort, names) => {
  expect(text(listInOrder(PROGRAMS, sort))).toEqual(names);
});

test("a tree has their ancestors, too, and the branch of the best first", () => {
  expect(text(treeInOrder(PROGRAMS, "rate"))).toEqual(["init", " shell", "  browser", "  curl", " sshd"]);
  expect(text(treeInOrder(PROGRAMS, "pid"))).toEqual(["init", " shell", "  curl", "  browser", " sshd"]);
});

test("parents that name each other end no search", () => {
  const ring = [traffic(2, 3, 10), traffic(3, 2, 10), traffic(4, 0, 10)];
  expect(text(treeInOrder(ring, "rate"))).toContain("p4");
});
