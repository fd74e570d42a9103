import { expect, test } from "vitest";
import { roleOf } from "../../../src/api/role.ts";
import { darwinSystemParts } from "../../../src/compose/peers.ts";
import { LAUNCHD } from "../../../src/model/resources/service.ts";
import { FakeLibSystem } from "../../host/darwin/fake/fake-libsystem.ts";
import { macBook } from "../../host/darwin/fake/machine.ts";

const KEY = LAUNCHD.apiSocketKey;

function started(sockets?: Readonly<Record<string, number>>): FakeLibSystem {
  return new FakeLibSystem(macBook(), { pid: 7, uid: 0, ...(sockets === undefined ? {} : { sockets }) });
}

test("launchd's socket is taken, and children do not inherit it", () => {
  const system = started({ [KEY]: 1 });
  const { passedFd = -1 } = darwinSystemParts(system);
  expect(system.descriptor(passedFd)).toMatchObject({ kind: "launchd", closeOnExec: true });
});

test.each([undefined, { other: 1 }])("started by a person or for another key: no socket", (sockets) => {
  expect(darwinSystemParts(started(sockets))).not.toHaveProperty("passedFd");
});

test("two sockets for the key, or a socket that was taken before: refused", () => {
  expect(() => darwinSystemParts(started({ [KEY]: 2 }))).toThrow("launchd passed 2 sockets for the key api");
  const system = started({ [KEY]: 1 });
  darwinSystemParts(system);
  expect(() => darwinSystemParts(system)).toThrow("already in progress");
});

test("root is an admin, everybody else is closed", () => {
  const system = started();
  const { rules, peerOf } = darwinSystemParts(system);
  expect([0, 501].map((uid) => roleOf(peerOf(system.accept(uid)), rules))).toEqual(["admin", undefined]);
});
