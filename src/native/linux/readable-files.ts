import { readdirSync, readFileSync } from "node:fs";

/** A file's text, empty where it is absent or unreadable; for information that nothing depends on. */
export function textOf(path: string): string {
  try {
    return readFileSync(path, "utf8");
  } catch {
    return "";
  }
}

/** The names in a folder, sorted; none where it is absent or unreadable. */
export function namesIn(folder: string): readonly string[] {
  try {
    return readdirSync(folder).sort();
  } catch {
    return [];
  }
}
