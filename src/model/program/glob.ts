/**
 * Whether a path matches a pattern. `*` matches any part of one name; `**` as a whole name matches any number of names,
 * elsewhere it is `*`. All other characters, also `?` and `[`, are literal. Time is proportional to the product of the
 * lengths, for any pattern.
 */
export function matchesGlob(pattern: string, path: string): boolean {
  const names = path.split("/");
  // reached[i]: the parts of the pattern so far can match exactly the first i names.
  let reached = new Array<boolean>(names.length + 1).fill(false);
  reached[0] = true;
  for (const part of pattern.split("/")) {
    const next = new Array<boolean>(names.length + 1).fill(false);
    for (let index = 0; index <= names.length; index += 1) {
      if (part === "**") next[index] = reached[index] === true || (index > 0 && next[index - 1] === true);
      else if (index > 0) next[index] = reached[index - 1] === true && matchesName(part, names[index - 1] ?? "");
    }
    reached = next;
  }
  return reached[names.length] === true;
}

/** One name against one part: each `*` matches as little as possible, and more only if the rest does not match. */
function matchesName(part: string, name: string): boolean {
  let [at, place, star, taken] = [0, 0, -1, 0];
  while (place < name.length) {
    if (part[at] === "*") {
      star = at;
      taken = place;
      at += 1;
    } else if (part[at] === name[place]) {
      at += 1;
      place += 1;
    } else if (star >= 0) {
      at = star + 1;
      taken += 1;
      place = taken;
    } else return false;
  }
  while (part[at] === "*") at += 1;
  return at === part.length;
}

/** The folder of a pattern that matches everything in it, `/opt/game/**`; undefined for any other text. */
export function wholeFolder(pattern: string): string | undefined {
  const folder = /^(\/.*)\/\*\*$/.exec(pattern)?.[1];
  return folder === undefined || folder.includes("*") ? undefined : folder;
}
