import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import { build } from "esbuild";
import { clientTypes } from "./client-types.ts";

/**
 * Builds `awg/client`: one module for Node and browsers, and its declarations. Built as for a browser, it cannot import a
 * module of Node.
 */
export async function buildClient(root: string, dist: string): Promise<void> {
  await build({
    absWorkingDir: root,
    entryPoints: ["src/client/awg-client.ts"],
    outfile: join(dist, "client.js"),
    bundle: true,
    platform: "browser",
    target: "es2022",
    format: "esm",
    logLevel: "warning",
  });
  await writeFile(join(dist, "client.d.ts"), clientTypes(root));
}
