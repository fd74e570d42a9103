import { expect, test } from "vitest";
import { showDevice } from "../../../src/interchange/wg-tool/show-device.ts";
import { showField } from "../../../src/interchange/wg-tool/show-field.ts";
import { renderShowConf } from "../../../src/interchange/wg-tool/shown-device.ts";
import { parseUapiDevice } from "../../../src/uapi/reply.ts";

/** The official profile of 3.1, as the engine reports it. */
const LINES = [
  "listen_port=4242",
  "jc=4\njmin=10\njmax=50\ns1=20\ns2=30\ns3=40\ns4=12\nh1=1\nh2=2\nh3=3\nh4=4",
  `header_protection_key=${"07".repeat(32)}`,
  "content_padding_addition=10-100\nrekey_after_time=100-120\nrandom_trailers=1",
];
const device = { name: "wg0", publicKey: undefined, state: parseUapiDevice(`${LINES.join("\n")}\nerrno=0\n\n`) };
const KEY = "BwcHBwcHBwcHBwcHBwcHBwcHBwcHBwcHBwcHBwcHBwc=";

test("a dump has the columns of amneziawg-tools 3.1, switches as on and off before the mark", () => {
  const nulls = Array.from({ length: 5 }, () => "(null)");
  const padding = ["4", "10", "50", "20", "30", "40", "12"];
  const timing = ["10-100", "100-120", "0", "0", "0", "0"];
  const columns = [...padding, "1", "2", "3", "4", ...nulls, KEY, ...timing, "on", "off"];
  const [head = ""] = showField(device, "dump", false);
  expect(head.split("\t")).toEqual(["(none)", "(none)", "4242", ...columns, "off"]);
});

test("switches are on or off for people, alone and in a conf", () => {
  expect(showField(device, "random-trailers", false)).toEqual(["on"]);
  expect(showField(device, "disable-cookies", false)).toEqual(["off"]);
  expect(showDevice(device, 0, false)).toContain("  random trailers: on");
  expect(renderShowConf(device).split("\n")).toContain("RandomTrailers = on");
});
