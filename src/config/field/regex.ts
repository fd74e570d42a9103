import { type Fault, fault } from "./leaf.ts";
import { checkText } from "./scalar.ts";

/** A regular expression in JavaScript's syntax with the `u` flag, at most 1,000 characters. */
export function checkRegex(input: unknown): string | Fault {
  const pattern = checkText(input, 1000);
  if (typeof pattern !== "string") return pattern;
  try {
    new RegExp(pattern, "u");
    return pattern;
  } catch (error) {
    const reason = error instanceof Error ? error.message.replace(/^.*: /, "").toLowerCase() : "it cannot be read";
    return fault("regex-syntax", `the regular expression is not valid (${reason})`, "correct it, or use contains");
  }
}

/** Whether an unbounded repetition contains another one, as in `(a+)+`: exponential time. */
export function hasNestedRepeat(pattern: string): boolean {
  const repeatsInside: boolean[] = [false];
  for (let index = 0; index < pattern.length; index += 1) {
    const char = pattern[index];
    if (char === "\\") index += 1;
    else if (char === "[") index = endOfClass(pattern, index);
    else if (char === "(") repeatsInside.push(false);
    else if (char === ")") {
      const inner = repeatsInside.pop() ?? false;
      const repeated = isUnboundedRepeat(pattern, index + 1);
      if (inner && repeated) return true;
      repeatsInside[repeatsInside.length - 1] ||= inner || repeated;
    } else if (isUnboundedRepeat(pattern, index)) repeatsInside[repeatsInside.length - 1] = true;
  }
  return false;
}

function isUnboundedRepeat(pattern: string, index: number): boolean {
  const char = pattern[index];
  return char === "*" || char === "+" || (char === "{" && /^\{[0-9]+,\}/.test(pattern.slice(index, index + 12)));
}

function endOfClass(pattern: string, start: number): number {
  for (let index = start + 1; index < pattern.length; index += 1) {
    if (pattern[index] === "\\") index += 1;
    else if (pattern[index] === "]") return index;
  }
  return pattern.length;
}
