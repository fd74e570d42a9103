import { execFileSync } from "node:child_process";
import { describe, expect, test } from "vitest";
import { filesBelow, ROOT, read } from "./sources.ts";

/** Names of one workplace that mean nothing to a reader elsewhere; split so that this file passes its own test. */
const FOREIGN = [
  ["/work", "/main"],
  ["/work", "/shared"],
  ["/tmp", "/brief"],
  ["regis", "try.npm"],
  ["deb", ".debian.org"],
].map((parts) => parts.join(""));

function trackedFiles(): readonly string[] {
  return execFileSync("git", ["ls-files", "-z"], { cwd: ROOT, encoding: "utf8" }).split("\0").filter(Boolean);
}

describe("texts", () => {
  test("no committed file names a machine or a registry's host", () => {
    const files = trackedFiles().filter((file) => !file.endsWith(".png"));
    expect(files.length).toBeGreaterThan(20);
    const found = files.filter((file) => {
      const text = read(file);
      return FOREIGN.some((word) => text.includes(word));
    });
    expect(found).toEqual([]);
  });

  test("every pure folder is free of clocks, randomness and timers", () => {
    const pure = [
      ...filesBelow("src/model"),
      ...filesBelow("src/config"),
      ...filesBelow("src/uapi"),
      ...filesBelow("src/interchange"),
      ...filesBelow("src/verify"),
      ...filesBelow("src/reconciler"),
      ...filesBelow("src/resources"),
      ...filesBelow("src/host/simulated"),
      ...filesBelow("src/engine"),
      ...["events", "link", "view"].flatMap((folder) => filesBelow(`src/client/${folder}`)),
    ];
    const impure =
      /\b(Date\.now|new Date\(\)|Math\.random|performance\.now|randomUUID|setTimeout|setInterval|process\.)\b/;
    const sources = pure.filter((file) => file.endsWith(".ts"));
    expect(sources.length).toBeGreaterThan(20);
    expect(sources.filter((file) => impure.test(read(file).replaceAll(/\/\*[\s\S]*?\*\/|\/\/.*/g, "")))).toEqual([]);
  });
});
