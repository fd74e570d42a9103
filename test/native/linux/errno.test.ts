import { execFile } from "node:child_process";
import { constants } from "node:os";
import { join } from "node:path";
import { promisify } from "node:util";
import { describe, expect, it } from "vitest";
import { errnoError, errnoName, hasErrno } from "../../../src/native/linux/errno.ts";
import { filesBelow, ROOT, read } from "../../repository/sources.ts";

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
    expect(refused).toMatchObject({ kind: "permission", facts: { errno: "EPERM" } });
    expect(refused.remedy).toMatch(process.geteuid?.() === 0 ? /^root (is not permitted|lacks)/ : /^run it as root$/);
    expect(hasErrno(refused, "EEXIST", "EPERM")).toBe(true);
    expect(hasErrno(new Error("EPERM"), "EPERM")).toBe(false);
    expect(errnoError("x", 95).kind).toBe("unsupported");
    expect(errnoError("x", 4711).message).toBe("x failed: unknown error (errno 4711)");
  });

  it.skipIf(process.platform !== "linux" || process.getuid?.() !== 0)(
    "say what stands in the way of a call that the kernel refused: root is not told to be root (needs root)",
    async () => {
      const tun = JSON.stringify(join(ROOT, "src/native/linux/tun.ffi.ts"));
      const script = `
        import { openTun } from ${tun};
        const ask = () => { try { openTun({ name: "awg-t-refused" }) } catch (error) { console.log(error.facts.errno, error.remedy) } };
        ask();
        process.setuid(65534);
        ask();
      `;
      // The device of a namespace of its own: were it made after all, it would go with it.
      const rights = ["--net", "setpriv", "--bounding-set=-net_admin,-sys_admin"];
      const words = [...rights, process.execPath, "--input-type=module-typescript", "--eval", script];
      const { stdout } = await promisify(execFile)("unshare", words, { cwd: "/" });
      expect(stdout.trim().split("\n")).toEqual([
        "EPERM root lacks CAP_NET_ADMIN, CAP_SYS_ADMIN here, as in a container: add it",
        expect.stringMatching(/^(EPERM|EACCES) run it as root$/),
      ]);
    },
  );
});
