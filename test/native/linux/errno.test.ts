import { constants } from "node:os";
import { describe, expect, it } from "vitest";
import { errnoError, errnoName, hasErrno } from "../../../src/native/linux/errno.ts";
import { filesBelow, read } from "../../repository/sources.ts";

describe("errno numbers", () => {
  it.skipIf(process.platform !== "linux")("are named as the machine's own table names them", () => {
    const differing = Object.entries(constants.errno).filter(([name, number]) => {
      const ours = errnoName(number);
      // EWOULDBLOCK and EOPNOTSUPP share their numbers with EAGAIN and ENOTSUP.
      return !ours.startsWith("errno") && ours !== name && !["EWOULDBLOCK", "ENOTSUP"].includes(name);
    });
    expect(differing).toEqual([]);
  });

  it("have each name that the program asks for", () => {
    const calls = filesBelow("src").flatMap((file) => [...read(file).matchAll(/hasErrno\(([^)]*)\)/g)]);
    const asked = calls.flatMap(([, names = ""]) => names.match(/\bE[A-Z0-9]+\b/g) ?? []);
    expect(asked.length).toBeGreaterThan(20);
    const known = new Set(Array.from({ length: 134 }, (_, number) => errnoName(number)));
    expect(asked.filter((name) => !known.has(name))).toEqual([]);
  });

  it("become errors of the kind that fits, with the name as a fact", () => {
    const refused = errnoError("opening a socket", 1);
    expect(refused).toMatchObject({ kind: "permission", remedy: "run it as root" });
    expect(hasErrno(refused, "EEXIST", "EPERM")).toBe(true);
    expect(hasErrno(new Error("EPERM"), "EPERM")).toBe(false);
    expect(errnoError("x", 95).kind).toBe("unsupported");
    expect(errnoError("x", 4711).message).toBe("x failed: unknown error (errno 4711)");
  });
});
