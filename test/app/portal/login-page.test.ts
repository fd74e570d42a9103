import { describe, expect, test } from "vitest";
import { placedPage, unresolvedPage } from "../../../src/app/portal/login-page.ts";

const NETWORK = { device: "wlan0", gateway: "192.168.1.1", addresses: ["192.168.1.23/24", "fe80::1/64"] };
const POLICY = { allow: true, longestSeconds: 300, probe: "198.51.100.80", anywhere: false };
const placed = (url: string, found: readonly string[] = [], more: Partial<typeof POLICY> = {}) =>
  placedPage(unresolvedPage(url, NETWORK), found, NETWORK, { ...POLICY, ...more });

describe("which login page is opened", () => {
  test.each([
    ["the router", "http://192.168.1.1/", []],
    ["a host of this network", "https://192.168.1.9:8443/login", []],
    ["a name of this network", "http://login.hotel.example/", ["192.168.1.9"]],
    ["a page in the place of the probed one", "http://198.51.100.80/", []],
  ])("%s", (_, url, found) => {
    expect(placed(url, found)).toHaveProperty("page");
  });

  test("attack: a network that redirects to a stranger brings no traffic to that stranger out of the tunnels", () => {
    const refusal = "203.0.113.7 is not in the local network; captivePortal.anywhere: true opens it, too";
    expect(placed("https://203.0.113.7/")).toEqual({ refusal, isFinal: true });
    expect(placed("https://mail.example/", ["203.0.113.7"])).toEqual({ refusal, isFinal: true });
    expect(placed("https://mail.example/", ["192.168.1.9", "203.0.113.7"])).toEqual({ refusal, isFinal: true });
    expect(placed("https://mail.example/", ["203.0.113.7"], { anywhere: true })).toHaveProperty("page");
  });

  test("a name without an address stays closed; of many addresses a few are opened", () => {
    expect(placed("http://login.hotel.example/")).toMatchObject({ isFinal: false });
    const many = Array.from({ length: 9 }, (_, index) => `192.168.1.${index + 10}`);
    expect(placed("http://login.hotel.example/", many)).toMatchObject({ page: { addresses: many.slice(0, 4) } });
  });
});
