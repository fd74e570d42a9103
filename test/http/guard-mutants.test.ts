import { readFileSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { build, type Plugin } from "esbuild";
import { expect, test } from "vitest";
import type { openLoopbackDoor } from "../../src/http/doors/loopback-door.ts";
import { temporaryFolder } from "../support/folder.ts";
import { openGuardedDoor, wrongRows } from "./guarded-door.ts";

const ROOT = join(import.meta.dirname, "../..");
const folder = temporaryFolder("mutants");
const GUARD = "src/api/guard.ts";
const DOOR = "src/http/doors/loopback-door.ts";

/** What is gone, a part of the guard's text, and what it becomes. */
const MUTANTS: readonly (readonly [string, string, string])[] = [
  ["one Host", "otherHosts.length > 0 || ", ""],
  ["a Host of this port", " || !hosts.includes(host)", ""],
  ["a path", '!target.startsWith("/") || ', ""],
  ["one slash", ' || target.startsWith("//")', ""],
  ["Origin", "origin !== own", "false"],
  ["Origin that begins like ours", "origin !== own", "!origin.startsWith(own)"],
  ["Sec-Fetch-Site", 'site !== "same-origin" && site !== "none"', "false"],
  ["Sec-Fetch-Site of another port", 'site !== "none")', 'site !== "none" && site !== "same-site")'],
  ["Referer", 'values("referer")', "[].map(String)"],
  ["Referer that begins like ours", "/`))) {", "`))) {"],
  ["Upgrade", 'values("upgrade").length > 0', "false"],
  ["methods", "!METHODS.includes(method)", "false"],
  ["the type of a POST", '!isJson(values("content-type"))', "false"],
  ["one type", "values.length === 1 && ", ""],
  ["the exact type", 'values[0] === "application/json"', 'values[0]?.startsWith("application/json")'],
  ["the token", 'isOpen(request) || hasToken(values("authorization"), rules)', "true"],
  ["the value of the token", "token !== undefined && isToken(token)", "token !== undefined"],
  ["one token", "others.length === 0 && ", ""],
  ["a session is a POST", 'return method === "POST";', "return true;"],
  ["POST needs a token", 'method !== "POST" && !path', "!path"],
  ["the API needs a token", '!path.startsWith("/api") && ', ""],
  ["metrics need a token", ' && path !== "/metrics"', ""],
];

test.each(MUTANTS)("without %s, rows of the table fail", async (name, from, to) => {
  const source = readFileSync(join(ROOT, GUARD), "utf8");
  expect(source.split(from), `${from} in ${GUARD}`).toHaveLength(2);
  const opened = await doorWith(
    name,
    GUARD,
    source.replace(from, () => to),
  );
  await using door = await openGuardedDoor(opened);
  expect((await wrongRows(door)).length).toBeGreaterThan(0);
});

test("the same build without a change passes every row", async () => {
  await using door = await openGuardedDoor(await doorWith("none", GUARD, readFileSync(join(ROOT, GUARD), "utf8")));
  expect(await wrongRows(door)).toEqual([]);
});

test("without the owner of the connection, another user's request is answered", async () => {
  const source = readFileSync(join(ROOT, DOOR), "utf8");
  const check = "const own = await ownerIs(socket, isOwn);";
  expect(source.split(check)).toHaveLength(2);
  const opened = await doorWith("owner", DOOR, source.replace(check, "const own = true;"));
  await using door = await openGuardedDoor(opened, () => false);
  expect(await wrongRows(door)).toEqual([]);
});

/** The loopback door with another text of one file. */
async function doorWith(name: string, file: string, text: string): Promise<typeof openLoopbackDoor> {
  const replaced: Plugin = {
    name: "replaced",
    setup: ({ onLoad }) =>
      onLoad({ filter: new RegExp(`/${file}$`) }, () => ({
        contents: text,
        loader: "ts",
        resolveDir: join(ROOT, dirname(file)),
      })),
  };
  const { outputFiles } = await build({
    absWorkingDir: ROOT,
    entryPoints: [DOOR],
    bundle: true,
    platform: "node",
    format: "esm",
    write: false,
    plugins: [replaced],
  });
  const built = join(folder, `${name.replaceAll(" ", "-")}.mjs`);
  writeFileSync(built, outputFiles[0]?.contents ?? "");
  return ((await import(/* @vite-ignore */ built)) as { openLoopbackDoor: typeof openLoopbackDoor }).openLoopbackDoor;
}
