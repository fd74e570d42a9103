/**
 * Builds the package: one CommonJS bundle whose verbs are evaluated only when they run, and a small entry that keeps
 * V8's compiled code beside it, so that a cold start neither parses nor compiles what it does not use.
 */
import { chmodSync, mkdirSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { build } from "esbuild";

const ROOT = join(import.meta.dirname, "..");
const DIST = join(ROOT, "dist");

/** The cache folder belongs to whoever installed the package; a folder that others can write is never used. */
const ENTRY = `#!/usr/bin/env -S node --disable-sigusr1 --disable-warning=ExperimentalWarning
"use strict";
const { join } = require("node:path");
const { statSync } = require("node:fs");
const cache = join(__dirname, "cache");
try {
  if ((statSync(cache).mode & 0o022) === 0) require("node:module").enableCompileCache(cache);
} catch {}
require("./cli.cjs");
`;

rmSync(DIST, { recursive: true, force: true });
mkdirSync(join(DIST, "cache"), { recursive: true, mode: 0o755 });
await build({
  absWorkingDir: ROOT,
  entryPoints: ["src/cli/awg.ts"],
  outfile: "dist/cli.cjs",
  bundle: true,
  platform: "node",
  target: "node24",
  format: "cjs",
  external: ["koffi"],
  define: { "import.meta.url": "awgModuleUrl", "import.meta.dirname": "__dirname" },
  banner: { js: "const awgModuleUrl = require('node:url').pathToFileURL(__filename).href;" },
  legalComments: "linked",
  logLevel: "warning",
});
writeFileSync(join(DIST, "awg.cjs"), ENTRY);
chmodSync(join(DIST, "awg.cjs"), 0o755);
