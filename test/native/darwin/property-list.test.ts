import { readFileSync } from "node:fs";
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { readPropertyText, readPropertyTexts } from "../../../src/native/darwin/process/property-list.codec.ts";
import { checkProperty } from "../../support/seeded.ts";

const KEY = "CFBundleIdentifier";
/** Written by Python's plistlib, FMT_BINARY: nested dictionaries with the same key, an array, numbers, a text of UTF-16. */
const BINARY = readFileSync(new URL("./property-lists/Info.binary.plist", import.meta.url));
const XML = readFileSync(new URL("./property-lists/Info.xml.plist", import.meta.url));
const LONG = readFileSync(new URL("./property-lists/long.binary.plist", import.meta.url));

const text = (plist: string) => new TextEncoder().encode(plist);
const wrapped = (inside: string) =>
  text(
    `<?xml version="1.0" encoding="UTF-8"?>\n<!DOCTYPE plist PUBLIC "a" "b">\n<plist version="1.0">${inside}</plist>\n`,
  );

describe("a text of a property list", () => {
  test.each([
    ["binary", BINARY],
    ["XML", XML],
  ])("%s, as another program wrote it", (_form, bytes) => {
    expect(readPropertyText(bytes, KEY)).toBe("com.example.browser");
    expect(readPropertyText(bytes, "CFBundleName")).toBe("Brow & Sér <1>");
    expect(readPropertyText(bytes, "CFBundleVersion")).toBe("12.3");
    for (const other of ["LSEnvironment", "CFBundleURLTypes", "Count", "Absent", "", "Nested"])
      expect(readPropertyText(bytes, other)).toBeUndefined();
  });

  test("binary, with more than 255 objects and texts of more than 15 characters", () => {
    expect(readPropertyText(LONG, KEY)).toBe("com.example.a-rather-long-name.helper");
    expect(readPropertyText(LONG, "Key299")).toBe("value 299");
  });

  test("XML: a list's texts, in order; other and nested elements are skipped", () => {
    const read = (inside: string) => readPropertyTexts(new TextDecoder().decode(wrapped(inside)), "List");
    const list =
      "<string>/a</string><!-- <string>no</string> --><integer>1</integer><string/><string>&lt;b&gt;</string>";
    expect(
      read(`<dict><key>A</key><true/><key>List</key><array>${list}</array><key>B</key><string>c</string></dict>`),
    ).toEqual(["/a", "", "<b>"]);
    expect(read("<dict><key>List</key><array><array><string>in</string></array></array></dict>")).toEqual([]);
    expect(read("<dict><key>List</key><array/><key>x</key><array><string>y</string></array></dict>")).toEqual([]);
    for (const other of [
      "<dict><key>List</key><string>a</string></dict>",
      "<dict><key>L</key><dict><key>List</key><array/></dict></dict>",
      "<array/>",
    ]) {
      expect(read(other)).toBeUndefined();
    }
  });

  test("XML: comments, entities, empty elements; nested dictionaries are ignored", () => {
    const id = `<key>${KEY}</key>`;
    expect(
      readPropertyText(wrapped(`<dict><!-- <dict> --><key>a</key><true/>${id}<string>b.c</string></dict>`), KEY),
    ).toBe("b.c");
    expect(readPropertyText(wrapped(`<dict>${id}<string>&#98;&#x2E;&amp;&lt;</string></dict>`), KEY)).toBe("b.&<");
    expect(readPropertyText(wrapped(`<dict>${id}<string/></dict>`), KEY)).toBe("");
    for (const plist of [
      `<dict><key>a</key><dict>${id}<string>inner</string></dict></dict>`,
      `<array><dict>${id}<string>listed</string></dict></array>`,
      `<dict>${id}<integer>3</integer></dict>`,
      `<dict><string>${KEY}</string><string>no key</string></dict>`,
      `<dict></array>${id}<string>torn</string></dict>`,
      `<dict>${id}`,
    ]) {
      expect(readPropertyText(wrapped(plist), KEY), plist).toBeUndefined();
    }
  });

  test("no bytes make it crash or run for ever: random, cut short, changed", () => {
    const answers = (bytes: Uint8Array) => ["string", "undefined"].includes(typeof readPropertyText(bytes, KEY));
    checkProperty(
      fc.property(fc.uint8Array({ maxLength: 300 }), (bytes) => answers(Buffer.concat([text("bplist00"), bytes]))),
      500,
    );
    const change = fc.tuple(fc.constantFrom(BINARY, XML, LONG), fc.nat(), fc.nat(255), fc.nat());
    checkProperty(
      fc.property(change, ([file, at, value, cut]) => {
        const bytes = Uint8Array.from(file);
        bytes[at % bytes.length] = value;
        return answers(bytes) && answers(bytes.subarray(0, cut % bytes.length));
      }),
      1000,
    );
  });

  test("a dictionary that claims to have 2^63 entries, or keys of a megabyte each, takes no time", () => {
    const size = 1 << 20;
    const bytes = new Uint8Array(size).fill(0x5f);
    bytes.set(text("bplist00"));
    const view = new DataView(bytes.buffer);
    // The dictionary of "all the rest" objects, each of which is a text that claims to reach the end.
    bytes.set([0xdf, 0x13, 0x7f, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff], 8);
    bytes.set([1, 1], size - 26);
    view.setBigUint64(size - 24, 200n);
    view.setBigUint64(size - 16, 0n);
    view.setBigUint64(size - 8, 8n);
    expect(readPropertyText(bytes, KEY)).toBeUndefined();
  });
});
