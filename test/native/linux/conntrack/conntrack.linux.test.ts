import { describe, expect, it } from "vitest";
import { makeNamespace, namespaceObstacle } from "../../../support/netns.ts";

const obstacle = namespaceObstacle();

describe.skipIf(obstacle !== undefined)(`tracked connections${obstacle ? ` (${obstacle})` : ""}`, () => {
  it("law 6: are cut one by one; the others, and another flow of the same addresses, stay", () => {
    using namespace = makeNamespace("ct");
    const report = namespace.runScript("test/native/linux/conntrack/conntrack.script.ts") as Record<string, unknown>;
    expect(report["before"]).toEqual([5301, 5302, 5303, 5304]);
    expect(report["after"]).toEqual([5301, 5303]);
    expect(report["v6"]).toEqual([6]);
    expect(report["first"]).toMatchObject({
      family: 4,
      mark: 0x51,
      zone: 0,
      original: { source: "127.0.0.1", destination: "127.0.0.1", protocol: 17, destinationPort: 5301 },
      reply: { source: "127.0.0.1", destination: "127.0.0.1", protocol: 17, sourcePort: 5301 },
    });
  });
});
