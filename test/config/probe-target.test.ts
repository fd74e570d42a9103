import { describe, expect, test } from "vitest";
import { parseProbeTarget } from "../../src/config/field/probe-target.ts";

describe("the target of a probe", () => {
  test.each([
    ["ping", "192.0.2.1", { host: "192.0.2.1" }],
    ["ping", "2001:DB8::1", { host: "2001:db8::1" }],
    ["ping", "Gate.Example.", { host: "gate.example" }],
    ["tcp", "192.0.2.1:443", { host: "192.0.2.1", port: 443 }],
    ["tcp", "[2001:db8::1]:22", { host: "2001:db8::1", port: 22 }],
    ["tcp", "gate.example:22", { host: "gate.example", port: 22 }],
    ["http", "https://gate.example/x?y=1", { host: "gate.example", port: 443, url: "https://gate.example/x?y=1" }],
    ["http", "http://[2001:db8::1]:8080", { host: "2001:db8::1", port: 8080, url: "http://[2001:db8::1]:8080" }],
    ["dns", "gate.example", { host: "gate.example" }],
  ] as const)("%s %s", (type, text, target) => {
    expect(parseProbeTarget(type, text)).toEqual(target);
  });

  test.each([
    ["ping", "192.0.2.1:80"],
    ["ping", "-f"],
    ["ping", ""],
    ["tcp", "192.0.2.1"],
    ["tcp", "192.0.2.1:0"],
    ["tcp", "192.0.2.1:65536"],
    ["tcp", "2001:db8::1:22"],
    ["http", "gate.example"],
    ["http", "file:///etc/passwd"],
    ["http", "https://me:secret@gate.example/"],
    ["http", "https://gate.example/\r\nHost: other"],
    ["dns", "192.0.2.1"],
    ["dns", "gate example"],
  ] as const)("%s does not take %j", (type, text) => {
    expect(parseProbeTarget(type, text)).toBeUndefined();
  });
});
