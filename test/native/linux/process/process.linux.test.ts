import { describe, expect, it } from "vitest";
import { makeNamespace, namespaceObstacle } from "../../../support/netns.ts";

const obstacle = namespaceObstacle();

describe.skipIf(obstacle !== undefined)(`processes and descriptors${obstacle ? ` (${obstacle})` : ""}`, () => {
  it("are passed, locked, held, made under another user, and moved between namespaces", () => {
    using namespace = makeNamespace("proc");
    using other = makeNamespace("proc-other");
    other.run(["ip", "link", "add", "over-there", "type", "veth", "peer", "name", "peer-there"]);
    const script = "test/native/linux/process/process.script.ts";
    const report = namespace.runScript(script, { other: other.name }) as Record<string, unknown>;
    expect(report).toMatchObject({
      passed: { bytes: 3000, texts: ["through the socket", "through the socket"] },
      nothingCame: { kind: "host", message: expect.stringContaining("timed out") },
      peer: { uid: 0, gid: 0 },
      closed: { descriptors: [] },
      gone: { kind: "host", message: expect.stringContaining("sending descriptors to another process failed") },
      locks: [true, false, true],
      process: { running: true, killed: true, after: false, again: false, none: null },
      perUser: [2, 1],
      thrown: expect.stringContaining("EACCES"),
      owner: 0,
      dumpable: [true, false],
      inode: true,
      bound: ["from below", "on top"],
      mountRefused: { kind: "host" },
      entered: { links: expect.arrayContaining(["lo", "over-there"]), moved: true },
      noNamespace: { message: expect.stringContaining("not found") },
      wrongFile: { message: expect.stringContaining("entering the network namespace") },
      noProcess: { kind: "host", message: expect.stringContaining("process 67108863") },
    });
  });
});
