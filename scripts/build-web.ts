import { copyFileSync, mkdirSync } from "node:fs";
import { join } from "node:path";
import { build } from "esbuild";

const SOURCE = join(import.meta.dirname, "../web/src");

/** Builds the dashboard into a folder: the page, one script, one style sheet, the icon. */
export async function buildWeb(folder: string): Promise<void> {
  mkdirSync(folder, { recursive: true });
  await build({
    entryPoints: { app: join(SOURCE, "app.tsx"), style: join(SOURCE, "style.css") },
    outdir: folder,
    bundle: true,
    minify: true,
    format: "esm",
    target: "es2022",
    jsx: "automatic",
    jsxImportSource: "preact",
    // Node's own modules are behind the client's unix socket, which no browser opens.
    external: ["node:*"],
    logLevel: "warning",
  });
  for (const name of ["index.html", "icon.svg"]) copyFileSync(join(SOURCE, name), join(folder, name));
}
