import fc from "fast-check";
import { expect, test } from "vitest";
import { isPrivateFile } from "../../../../src/host/linux/resolver/private-file.ts";
import { isOurs, parseResolvConf, renderResolvConf } from "../../../../src/host/linux/resolver/resolv-conf.ts";
import { FILE_HEADER } from "../../../../src/model/ownership.ts";
import { checkProperty } from "../../../support/seeded.ts";

test("what is written is read back", () => {
  const server = fc.oneof(fc.ipV4(), fc.ipV6());
  const domain = fc.domain();
  checkProperty(
    fc.property(fc.array(server), fc.array(domain, { maxLength: 6 }), (servers, search) => {
      expect(parseResolvConf(renderResolvConf({ servers, search }))).toEqual({ servers, search, ownedByAwg: true });
    }),
  );
});

test.each([
  ["", [], []],
  ["# nothing\n;nameserver 1.1.1.1\n", [], []],
  ["nameserver\t192.0.2.1\nnameserver  192.0.2.2  \noptions edns0\n", ["192.0.2.1", "192.0.2.2"], []],
  ["domain a.example\nsearch b.example c.example", [], ["b.example", "c.example"]],
])("%j", (text, servers, search) => {
  expect(parseResolvConf(text)).toEqual({ servers, search, ownedByAwg: false });
});

test("law 6: our header counts on the first line only", () => {
  expect(isOurs(`${FILE_HEADER}\n`)).toBe(true);
  expect(isOurs(`\n${FILE_HEADER}\n`)).toBe(false);
  expect(isOurs(`${FILE_HEADER} and more\n`)).toBe(false);
});

const mount = (point: string) => `36 35 98:0 /mnt1 ${point} rw,noatime master:1 - ext3 /dev/root rw`;

test.each([
  [[mount("/")], false],
  [[mount("/"), mount("/run")], false],
  [[mount("/"), mount("/etc/resolv.conf")], true],
  [[mount("/"), mount("/etc")], true],
  [[mount("/etc/resolv.conf.d")], false],
])("law 6: with mounts %j the file is the namespace's own: %s", (lines, expected) => {
  expect(isPrivateFile("/etc/resolv.conf", lines.join("\n"))).toBe(expected);
  expect(isPrivateFile("/a b/c", mount("/a\\040b/c"))).toBe(true);
});
