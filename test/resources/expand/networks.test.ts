import { describe, expect, test } from "vitest";
import type { Match } from "../../../src/config/section/match.ts";
import { matchHere } from "../../../src/resources/expand/networks.ts";

const home = { device: "eth0", wired: true, gatewayMac: "02:00:00:00:00:01" };
const cafe = { device: "wlan0", wired: false };
const AT_HOME: Match = { when: [{ gatewayMac: "02:00:00:00:00:01" }] };
const PORT: Match = { ports: [{ from: 443, to: 443 }] };

describe("rules of a network", () => {
  test.each<[string, Match, Match | undefined, Match | undefined]>([
    ["no condition", PORT, PORT, PORT],
    ["a gateway", { ...PORT, ...AT_HOME }, PORT, undefined],
    ["one of two networks", { when: [{ interface: "wlan0" }, { wired: true }] }, {}, {}],
    ["both fields of one network", { when: [{ interface: "eth0", wired: false }] }, undefined, undefined],
    ["a wireless name that is not known", { when: [{ ssid: "home" }] }, undefined, undefined],
    ["all", { all: [AT_HOME, PORT] }, { all: [{}, PORT] }, undefined],
    ["any", { any: [AT_HOME, PORT] }, { any: [{}, PORT] }, { any: [PORT] }],
    ["any of one", { any: [AT_HOME] }, { any: [{}] }, undefined],
    ["not here", { ...PORT, not: AT_HOME }, undefined, PORT],
    ["not this port here", { not: { ...PORT, ...AT_HOME } }, { not: PORT }, {}],
  ])("%s", (_what, match, atHome, atCafe) => {
    expect(matchHere(match, [home])).toEqual(atHome);
    expect(matchHere(match, [cafe])).toEqual(atCafe);
  });

  test("a wireless name holds where the radio is connected to that network", () => {
    const named: Match = { ...PORT, when: [{ ssid: "home" }] };
    expect(matchHere(named, [{ ...cafe, ssid: "home" }])).toEqual(PORT);
    expect(matchHere(named, [{ ...cafe, ssid: "cafe" }])).toBeUndefined();
  });

  test("a host in two networks is in both, one without a network in none", () => {
    expect(matchHere(AT_HOME, [cafe, home])).toEqual({});
    expect(matchHere(AT_HOME, [])).toBeUndefined();
  });
});
