import { readFileSync } from "node:fs";
import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import { build } from "esbuild";

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
  const types = readFileSync(join(root, "src/client/client-api.ts"), "utf8");
  const connect = `
/**
 * A client of the awg on this host. It connects when something is subscribed or run, not before.
 *
 * @throws TypeError for an address where awg cannot be
 */
export declare function connect(options: ConnectOptions): AwgClient;
`;
  await writeFile(join(dist, "client.d.ts"), types + connect);
}
