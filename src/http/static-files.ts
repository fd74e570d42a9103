import { readdirSync, readFileSync } from "node:fs";
import type { ServerResponse } from "node:http";
import { extname, join } from "node:path";
import { answerText, begin } from "./answers.ts";

const TYPES: Readonly<Record<string, string>> = {
  ".html": "text/html; charset=utf-8",
  ".js": "text/javascript; charset=utf-8",
  ".css": "text/css; charset=utf-8",
  ".svg": "image/svg+xml",
  ".png": "image/png",
};

/** The files of the dashboard, read once: no path of a request ever reaches the disk. */
export class StaticFiles {
  readonly #files: ReadonlyMap<string, { readonly type: string; readonly bytes: Buffer }>;

  /** @param folder of the built dashboard; one that does not exist holds no files */
  constructor(folder: string) {
    this.#files = new Map(
      namesIn(folder).flatMap((name) => {
        const type = TYPES[extname(name)];
        return type === undefined ? [] : [[`/${name}`, { type, bytes: readFileSync(join(folder, name)) }] as const];
      }),
    );
  }

  /** Answers a path; the page itself for `/`. */
  answer(path: string, response: ServerResponse): void {
    const file = this.#files.get(path === "/" ? "/index.html" : path);
    if (file === undefined) {
      const why = this.#files.size === 0 ? "the dashboard is not built; run npm run build" : "there is no such page";
      answerText(response, 404, "text/plain", `${why}\n`);
      return;
    }
    begin(response, 200, file.type);
    response.end(file.bytes);
  }
}

function namesIn(folder: string): readonly string[] {
  try {
    return readdirSync(folder, { recursive: true, encoding: "utf8" }).map((name) => name.replaceAll("\\", "/"));
  } catch {
    return [];
  }
}
