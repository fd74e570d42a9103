import { describe, expect, test } from "vitest";
import { deviceOfTunnel } from "../../src/model/ownership.ts";
import { isDeviceName, tunnelOfDevice } from "../../src/model/resources/tunnel-key.ts";

describe("the device of a tunnel", () => {
  test.each([
    ["office", "awg-office"],
    ["elevenchars", "awg-elevenchars"],
    ["se-mma-wg-001", "awg-se-mm-0df0d"],
    ["se-mma-wg-002", "awg-se-mm-96113"],
  ])("%s: %s, in every version", (tunnel, device) => {
    expect(deviceOfTunnel(tunnel)).toBe(device);
    expect(isDeviceName(device)).toBe(true);
    expect(tunnelOfDevice(device)).not.toBe(device);
  });

  test("long names that begin alike get different devices", () => {
    const tunnels = Array.from({ length: 500 }, (_, index) => `se-mma-wg-${index}`);
    expect(new Set(tunnels.map(deviceOfTunnel)).size).toBe(500);
  });
});
