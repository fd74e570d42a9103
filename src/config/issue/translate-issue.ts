import type { z } from "zod";
import { nearestWord } from "../field/edit-distance.ts";
import { quote, quoteKey, wrongTypeMessage } from "../field/leaf.ts";
import { orList } from "../field/scalar.ts";
import { PROBLEM_CATALOGUE, type ProblemId } from "../problem-catalogue.ts";
import { knownKeysAt, spellingOf } from "../schema-keys.ts";
import type { Findings } from "../source/finding.ts";
import {
  isRefused,
  keyPlace,
  type MapNode,
  type NodePath,
  nodeAt,
  toPlain,
  valuePlace,
} from "../source/source-node.ts";
import { defaultRemedy } from "./default-remedy.ts";

type Issue = z.core.$ZodIssue;

/** Converts one of zod's issues into findings at their places. Values are quoted only where no secret can be. */
export function translateIssue(issue: Issue, root: MapNode, findings: Findings): void {
  const path = issue.path as NodePath;
  const node = nodeAt(root, path);
  if (issue.code !== "unrecognized_keys" && node !== undefined && isRefused(node)) return;
  switch (issue.code) {
    case "unrecognized_keys":
      for (const key of issue.keys) reportUnknownKey(root, path, key, findings);
      return;
    case "invalid_type":
      reportWrongType(issue.expected, root, path, findings);
      return;
    case "too_small":
      findings.add("list-empty", valuePlace(root, path), "the list is empty", "add a value, or remove the key");
      return;
    case "invalid_union":
      reportProtocol(root, path, findings);
      return;
    case "invalid_key":
      for (const inner of issue.issues) translateKeyIssue(inner, root, path, findings);
      return;
    case "custom":
      reportCustom(issue, root, path, findings);
      return;
    default:
      findings.add("wrong-type", valuePlace(root, path), "invalid value", "see awg schema");
  }
}

function reportCustom(
  issue: Extract<Issue, { code: "custom" }>,
  root: MapNode,
  path: NodePath,
  findings: Findings,
): void {
  const id = problemId(issue.params?.["id"]);
  if (id === "missing-key") reportMissingKey(root, path, findings);
  else findings.add(id, valuePlace(root, path), issue.message, String(issue.params?.["remedy"] ?? ""));
}

function translateKeyIssue(issue: { message: string }, root: MapNode, path: NodePath, findings: Findings): void {
  const params = (issue as { params?: Readonly<Record<string, unknown>> }).params;
  findings.add(
    problemId(params?.["id"]),
    keyPlace(root, path),
    issue.message,
    String(params?.["remedy"] ?? "use another name"),
  );
}

function problemId(id: unknown): ProblemId {
  return typeof id === "string" && Object.hasOwn(PROBLEM_CATALOGUE, id) ? (id as ProblemId) : "wrong-type";
}

function reportUnknownKey(root: MapNode, path: NodePath, key: string, findings: Findings): void {
  const known = knownKeysAt(path, root);
  const near = nearestWord(key, known);
  const remedy =
    near !== undefined
      ? `did you mean ${near}?`
      : known.length === 0
        ? "remove it"
        : `known here: ${known.slice(0, 24).join(", ")}${known.length > 24 ? ", …" : ""}`;
  const isMisplaced = key === "obfuscation" && path[0] === "tunnels" && path.length === 2;
  const place = keyPlace(root, [...path, key]);
  if (isMisplaced) {
    findings.add("obfuscation-without-amneziawg", place, "this protocol has no obfuscation", "use protocol: amneziawg");
  } else findings.add("unknown-key", place, `unknown key ${quoteKey(key, near)}`, remedy);
}

/** A misspelt key is reported as unknown, and not as missing too. */
function reportMissingKey(root: MapNode, path: NodePath, findings: Findings): void {
  const key = String(path.at(-1));
  const above = path.slice(0, -1);
  const map = nodeAt(root, above);
  const written = map?.kind === "map" ? [...map.entries.keys()] : [];
  const misspelt = spellingOf(key, written, knownKeysAt(above, root));
  if (misspelt !== undefined) reportUnknownKey(root, above, misspelt, findings);
  else findings.add("missing-key", keyPlace(root, above), `missing key ${key}`, remedyFor(key, path, root));
}

function remedyFor(key: string, path: NodePath, root: MapNode): string {
  if (path.length === 1 && key === "apiVersion") return "add apiVersion: awg/v1";
  return path.length === 1 && key === "default" ? defaultRemedy(root) : `add ${key}`;
}

const WANTED: Readonly<Record<string, string>> = {
  array: "a list: [a, b], or one value a line behind dashes",
  object: "a map of keys",
  record: "a map of names",
  string: "a string",
  number: "a number",
};

function reportWrongType(expected: string, root: MapNode, path: NodePath, findings: Findings): void {
  const node = nodeAt(root, path);
  if (node === undefined) {
    reportMissingKey(root, path, findings);
    return;
  }
  const message = wrongTypeMessage(toShallow(node));
  findings.add("wrong-type", node.place, message, `expected ${WANTED[expected] ?? expected}`);
}

function toShallow(node: NonNullable<ReturnType<typeof nodeAt>>): unknown {
  return node.kind === "scalar" ? node.value : node.kind === "list" ? [] : {};
}

const TUNNEL_PROTOCOLS = ["amneziawg", "wireguard", "socks5", "http"];

/** The only union of the schema is that of tunnels by protocol. */
function reportProtocol(root: MapNode, path: NodePath, findings: Findings): void {
  const at = path.at(-1) === "protocol" ? path : [...path, "protocol"];
  const node = nodeAt(root, at);
  const value = node === undefined ? undefined : toPlain(node);
  if (node === undefined || typeof value !== "string") {
    reportWrongType("string", root, at, findings);
    return;
  }
  const near = nearestWord(value, TUNNEL_PROTOCOLS);
  const remedy = near === undefined ? `use ${orList(TUNNEL_PROTOCOLS)}` : `did you mean ${near}?`;
  findings.add("not-one-of", node.place, `${quote(value)} is not a protocol`, remedy);
}
