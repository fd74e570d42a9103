import type { SourceNode } from "../source/source-node.ts";
import type { CheckContext } from "./check-context.ts";

/** Below these keys a dollar sign and braces belong to a regular expression. */
const PATTERN_KEYS: readonly string[] = ["regex", "commandLine"];

/** Texts have no substitution, so `${HOME}` would be literal: almost certainly a mistake. */
export function checkSubstitution(context: CheckContext): void {
  visit(context, context.root, "");
}

function visit(context: CheckContext, node: SourceNode, key: string): void {
  if (node.kind === "map") {
    for (const [name, entry] of node.entries) visit(context, entry.value, name);
  } else if (node.kind === "list") {
    for (const item of node.items) visit(context, item, key);
  } else if (typeof node.value === "string" && !PATTERN_KEYS.includes(key) && /\$\{[A-Za-z_]\w*\}/.test(node.value)) {
    const message = "the text contains an environment variable, but texts have no substitution";
    context.reportPlace(
      "environment-implicit",
      node.place,
      message,
      "use the value itself; a secret may be { env: NAME }",
    );
  }
}
