import { describe, expect, it } from "vitest";
import { makeNamespace, namespaceObstacle, tunObstacle } from "../../support/netns.ts";

const obstacle = namespaceObstacle() ?? tunObstacle();

describe.skipIf(obstacle !== undefined)(`TUN devices${obstacle ? ` (${obstacle})` : ""}`, () => {
  it("are created, carry packets, outlive their descriptor if persistent, and are refused with a message", () => {
    using namespace = makeNamespace("tun");
    const report = namespace.runScript("test/native/linux/tun.script.ts") as Record<string, unknown>;
    expect(report).toMatchObject({
      name: "tun-a",
      kind: "tun",
      held: { kind: "conflict", remedy: expect.stringContaining("another process holds tun-a") },
      adopted: "tun-a",
      carrierOff: false,
      carrierOn: true,
      sent: 3,
      packet: { bytes: 31, destination: [10, 66, 0, 9], data: [1, 2, 3] },
      afterClose: "tun",
      afterCloseCarrier: false,
      afterTemporary: "no link",
      notTun: {
        kind: "conflict",
        message: expect.stringContaining("the existing link of that name is not a TUN device"),
      },
      exclusive: { kind: "conflict" },
      longName: { kind: "bug" },
      notATun: { message: expect.stringContaining("reading the TUN device of descriptor 0") },
    });
  });
});
