import { readFileSync } from "node:fs";
import { join } from "node:path";
import type { PrintedNames } from "../pf/printed/parse-printed.ts";

/**
 * The names that pfctl prints instead of numbers, from its own sources (protocols(5), services(5)). They are read at the first
 * use.
 *
 * @param root folder that replaces /; / on a Mac
 */
export function printedNames(root: string): PrintedNames {
  let protocols: ReadonlyMap<string, string> | undefined;
  let services: ReadonlyMap<string, string> | undefined;
  return {
    protocol: (name) => {
      protocols ??= new Map(readNames(join(root, "etc/protocols")));
      return numberOf(protocols.get(name));
    },
    port: (name, protocol) => {
      services ??= new Map(readNames(join(root, "etc/services")).map(([one, value]) => serviceEntry(one, value)));
      return numberOf(services.get(`${name}/${protocol}`));
    },
  };
}

/** An entry `53/udp` names the port for udp only. */
function serviceEntry(name: string, value: string): [string, string] {
  const [port = "", protocol = ""] = value.split("/");
  return [`${name}/${protocol}`, port];
}

function numberOf(text: string | undefined): number | undefined {
  return text !== undefined && /^\d+$/.test(text) ? Number(text) : undefined;
}

/** Names and values of lines `name value alias… # words`, with one pair for each alias. */
function readNames(path: string): [string, string][] {
  return readLines(path).flatMap((line) => {
    const [name = "", value = "", ...aliases] = line.replace(/#.*/, "").trim().split(/\s+/);
    return [name, ...aliases].filter((one) => one !== "").map((one): [string, string] => [one, value]);
  });
}

function readLines(path: string): string[] {
  try {
    return readFileSync(path, "utf8").split("\n");
  } catch {
    return [];
  }
}
