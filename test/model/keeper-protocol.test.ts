import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { AwgError } from "../../src/model/error.ts";
import {
  failureAnswer,
  type KeeperRequest,
  keeperPaths,
  parseKeeperAnswer,
  parseKeeperRequest,
  renderKeeperAnswer,
  renderKeeperRequest,
} from "../../src/model/keeper-protocol.ts";
import { isDeviceName } from "../../src/model/resources/tunnel-key.ts";
import { checkProperty } from "../support/seeded.ts";

const CONFIGURATION = "set=1\nprivate_key=77\n\n";
const REQUESTS: readonly KeeperRequest[] = [
  { request: "status" },
  { request: "stop" },
  { request: "openDevice", device: "awg-a", alias: "awg:a" },
  { request: "adoptDevice", device: "wg0", alias: "awg:a" },
  { request: "releaseDevice", device: "wg0" },
  { request: "closeDevice", device: "awg-a" },
  { request: "stopEngine", device: "awg-a" },
  {
    request: "expectEngine",
    device: "awg-office",
    engine: "embedded",
    protocol: "amneziawg",
    user: { uid: 990, gid: 990 },
  },
  {
    request: "ensureEngine",
    device: "awg-a",
    engine: "userspace",
    protocol: "amneziawg",
    user: { uid: 990, gid: 990 },
    configuration: CONFIGURATION,
    update: "set=1\nfwmark=1\n\n",
  },
  { request: "nftTransaction", changes: [{ message: "AAEC", action: "adding a table" }], generation: 7 },
  { request: "armWatchdog", watch: { deadlineMs: 60_000, command: ["/usr/bin/node", "awg", "revert"] } },
  { request: "disarmWatchdog" },
];

describe("requests", () => {
  test.each(REQUESTS)("$request is read as it was written", (request) => {
    const line = renderKeeperRequest(request);
    expect(line.indexOf("\n")).toBe(line.length - 1);
    expect(parseKeeperRequest(line)).toEqual(request);
  });

  const base = { version: 1, device: "awg-a" };
  const engine = { ...base, request: "ensureEngine", engine: "userspace" };
  test.each([
    ["line", "{"],
    ["line", "[]"],
    ["line", "null"],
    ["request", { version: 1, request: "rm" }],
    ["device", { version: 1, request: "closeDevice" }],
    ["device", { version: 1, request: "closeDevice", device: "../../x" }],
    ["watch", { version: 1, request: "armWatchdog" }],
    ["watch", { version: 1, request: "armWatchdog", watch: { deadlineMs: 1, command: [] } }],
    ["watch", { version: 1, request: "armWatchdog", watch: { deadlineMs: 1, command: ["awg"] } }],
    ["watch", { version: 1, request: "armWatchdog", watch: { deadlineMs: 0.5, command: ["/bin/true"] } }],
    ["alias", { ...base, request: "openDevice" }],
    ["engine", { ...engine, engine: "kernel" }],
    ["protocol", { ...engine, protocol: "openvpn" }],
    ["configuration", { ...engine, protocol: "wireguard", user: { uid: 1, gid: 1 }, configuration: "get=1\n\n" }],
    [
      "configuration",
      { ...engine, protocol: "wireguard", user: { uid: 1, gid: 1 }, configuration: "set=1\n\nset=1\n\n" },
    ],
    ["user", { ...engine, protocol: "wireguard", configuration: CONFIGURATION, user: { uid: -1 } }],
    ["changes", { version: 1, request: "nftTransaction", changes: [{ message: "not base64!", action: "x" }] }],
    ["generation", { version: 1, request: "nftTransaction", changes: [], generation: "1" }],
  ])("law 8: a wrong %s is named and not repeated", (field, wrong) => {
    const line = typeof wrong === "string" ? wrong : JSON.stringify(wrong);
    const failure = failureOf(() => parseKeeperRequest(line));
    expect(failure.message).toContain(`invalid request: ${field}`);
    expect(failure.message).not.toContain("private_key");
  });

  test("another version is reported as such", () => {
    expect(failureOf(() => parseKeeperRequest('{"version":2,"request":"status"}')).message).toContain("versions");
  });

  test("whatever arrives is read or refused with a typed error", () => {
    checkProperty(
      fc.property(
        fc.oneof(fc.string(), fc.json(), fc.constantFrom(...REQUESTS.map(renderKeeperRequest))),
        fc.nat(200),
        (text, cut) => {
          for (const line of [text, text.slice(0, cut)]) {
            try {
              parseKeeperRequest(line);
            } catch (error) {
              expect(error).toBeInstanceOf(AwgError);
            }
          }
        },
      ),
      500,
    );
  });
});

describe("answers", () => {
  const status = { version: 1, pid: 5, devices: [{ device: "awg-a" }], tables: ["inet awg"] };

  test("a status arrives as it is", () => {
    expect(parseKeeperAnswer(renderKeeperAnswer({ ok: true, status }))).toEqual(status);
  });

  test("an error arrives as it was thrown", () => {
    const thrown = new AwgError("conflict", "there is one already", { facts: { errno: "EEXIST" }, remedy: "wait" });
    const failure = failureOf(() => parseKeeperAnswer(renderKeeperAnswer(failureAnswer(thrown))));
    expect(failure).toMatchObject({ kind: "conflict", message: thrown.message, facts: thrown.facts, remedy: "wait" });
  });

  test("a defect of the keeper is a bug, and what is no answer is no keeper", () => {
    expect(failureOf(() => parseKeeperAnswer(renderKeeperAnswer(failureAnswer(new TypeError("x")))))).toMatchObject({
      kind: "bug",
    });
    expect(failureOf(() => parseKeeperAnswer("{}")).message).toContain("not a keeper");
  });
});

test.each([
  ["awg-a", true],
  ["eth0.10", true],
  ["wg=a+b", true],
  ["-f", false],
  ["wg*", false],
  ["", false],
  ["..", false],
  ["a/b", false],
  ["sixteen-letters-", false],
  ["a b", false],
])("isDeviceName(%j) is %s", (name, expected) => {
  expect(isDeviceName(name)).toBe(expected);
});

test("each network namespace has a keeper folder of its own", () => {
  expect(keeperPaths("/run/awg", 4026531840n).socket).toBe("/run/awg/keeper-4026531840/socket");
});

function failureOf(act: () => unknown): AwgError {
  try {
    act();
  } catch (error) {
    if (error instanceof AwgError) return error;
    throw error;
  }
  throw new Error("nothing was thrown");
}
