import { describe, expect, it } from "vitest";
import { renderMacNetwork } from "../../../src/app/render/render-mac-network.ts";
import type { Resource } from "../../../src/model/resource.ts";
import { cutMessages } from "../../../src/native/darwin/route/message-frames.codec.ts";
import { decodeRouteMessage } from "../../../src/native/darwin/route/route-message.codec.ts";

const DEVICES = new Map([["awg-office", "utun100"]]);
const ROUTES = { destinations: [], guards: [], rules: [] };

function bytesIn(line: string): Uint8Array {
  return new Uint8Array(Buffer.from(/[0-9a-f]{8,}/.exec(line)?.[0] ?? "", "hex"));
}

describe("the network of a Mac as text", () => {
  it("a link is the calls that make its utun, each argument whole", () => {
    const addresses = ["10.8.0.2/32", "fd00:8::2/128"];
    const spec = { device: "awg-office", type: "tun", addresses, mtuBytes: 1420, tunnel: "office" } as const;
    const text = renderMacNetwork({ kind: "link", key: "link/office", spec }, DEVICES) ?? "";
    const lines = text.split("\n");
    expect(lines[0]).toBe(
      "# utun100 is an example for awg-office; the keeper holds its descriptor and writes its name to office.name",
    );
    const sizes = lines
      .filter((line) => /[0-9a-f]{8,}/.test(line) && !line.startsWith("#"))
      .map((line) => bytesIn(line).length);
    expect(sizes).toEqual([100, 32, 32, 64, 128]);
    expect(Buffer.from(bytesIn(lines[2] ?? "")).toString("latin1")).toContain("com.apple.net.utun_control\0");
    expect(text).toContain("# 10.8.0.2/32");
  });

  it("routes are messages in hex with what those bytes say, pins before what leads into the tunnel", () => {
    const pins = [
      { destination: "192.0.2.1/32", device: "en0", gateway: "192.168.1.1" },
      { destination: "192.0.2.2/32" },
    ];
    const policy = renderMacNetwork({ kind: "routes", key: "routes/policy", spec: { ...ROUTES, pins } }, DEVICES) ?? "";
    expect(policy.split("\n").filter((line) => line.startsWith("  "))).toEqual([
      "  RTM_ADD 192.0.2.1/32 -> 192.168.1.1 <UP,GATEWAY,HOST,STATIC,PROTO3>",
      "  RTM_ADD 192.0.2.2/32 -> 127.0.0.1 <UP,GATEWAY,HOST,STATIC,BLACKHOLE,PROTO3>",
    ]);
    const spec = { ...ROUTES, table: 254, device: "awg-office", destinations: ["0.0.0.0/1", "8000::/1"] };
    const text = renderMacNetwork({ kind: "routes", key: "routes/office", spec }, DEVICES) ?? "";
    const [first = "", said] = text.split("\n");
    expect(said).toBe("  RTM_ADD 0.0.0.0/1 -> interface utun100 <UP,STATIC,PROTO3>");
    const [frame] = cutMessages(bytesIn(first));
    expect(frame && decodeRouteMessage(frame)).toMatchObject({
      destination: "0.0.0.0",
      prefixLength: 1,
      gateway: { kind: "link", index: 100 },
    });
  });

  it.each<Resource>([
    { kind: "routes", key: "routes/office", spec: { ...ROUTES, table: 0x61770001, guards: [4] } },
    { kind: "sysctl", key: "sysctl/machine", spec: { values: {} } },
  ])("what a Mac has not is not written: $kind", (resource) => {
    expect(renderMacNetwork(resource, DEVICES)).toBeUndefined();
  });
});
