import { mkdirSync, rmSync } from "node:fs";
import { join } from "node:path";
import { build } from "esbuild";
import { installAwg } from "../program.ts";

const ROOT = join(import.meta.dirname, "../..");

/** An awg as it is installed, and the bench's own end and the data plane's thread as plain JavaScript. */
export interface Bundle extends Disposable {
  readonly awg: string;
  readonly end: string;
  readonly worker: string;
}

/**
 * Puts all three into a folder of their own below node_modules, where koffi is found. Running the TypeScript instead would
 * count the compiler that strips its types, 43 MB in two threads (measured).
 */
export async function bundleEnd(): Promise<Bundle> {
  const folder = join(ROOT, "node_modules", `.awg-bench-${process.pid}`);
  mkdirSync(folder, { recursive: true });
  const awg = installAwg(folder);
  await build({
    absWorkingDir: ROOT,
    entryPoints: { end: "bench/tunnel.d/end.ts", worker: "src/dataplane/worker/packet-thread.ts" },
    outdir: folder,
    outExtension: { ".js": ".mjs" },
    bundle: true,
    minify: true,
    platform: "node",
    target: "node24",
    format: "esm",
    external: ["koffi"],
    // esbuild's stand-in for require refuses everything; this is the real one.
    banner: { js: 'import{createRequire as realRequire}from"node:module";const require=realRequire(import.meta.url);' },
    logLevel: "error",
  });
  return {
    awg,
    end: join(folder, "end.mjs"),
    worker: join(folder, "worker.mjs"),
    [Symbol.dispose]: () => rmSync(folder, { recursive: true, force: true }),
  };
}
