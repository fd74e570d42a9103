import type { SourceNode } from "../source/source-node.ts";
import type { CheckContext } from "./check-context.ts";

/** Below these keys a dollar sign and braces mean what regular expressions make of them. */
const PATTERN_KEYS: readonly string[] = ["regex", "commandLine"];

/** Nothing is substituted inside texts, so `${HOME}` would be taken literally: almost never what was meant. */
export function checkSubstitution(context: CheckContext): void {
  visit(context, context.root, "");
}

function visit(context: CheckContext, node: SourceNode, key: string): void {
  if (node.kind === "map") {
    for (const [name, entry] of node.entries) visit(context, entry.value, name);
  } else if (node.kind === "list") {
    for (const item of node.items) visit(context, item, key);
  } else if (typeof node.value === "string" && !PATTERN_KEYS.includes(key) && /\$\{[A-Za-z_]\w*\}/.test(node.value)) {
    const message = "the text refers to an environment variable, and nothing is substituted in texts";
    context.reportPlace("environment-implicit", node.place, message, "write the value; a secret may be { env: NAME }");
  }
}
