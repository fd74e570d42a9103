import { z } from "zod";
import { nearestWord } from "./field/edit-distance.ts";
import { rootSchema } from "./section/root.ts";
import { childOf, type MapNode, type NodePath, type SourceNode } from "./source/source-node.ts";

type Schema = z.core.$ZodType;

/** The accepted keys of the map at a path; the map itself names its tunnel protocol. */
export function knownKeysAt(path: NodePath, root: MapNode): string[] {
  let node: SourceNode | undefined = root;
  let schemas: Schema[] = [rootSchema];
  for (const step of path) {
    schemas = schemas.flatMap((schema) => childSchemas(schema, step, node));
    node = childOf(node, step);
  }
  return [...new Set(schemas.flatMap((schema) => objectKeys(narrow(schema, node))))];
}

/** An unknown key that is probably meant as `key`. */
export function spellingOf(key: string, written: readonly string[], known: readonly string[]): string | undefined {
  return written.find((word) => !known.includes(word) && nearestWord(word, known) === key);
}

/** The schemas at a path of keys; list positions and names in maps may be omitted. */
export function schemasAt(path: readonly string[]): Schema[] {
  let schemas: Schema[] = [rootSchema];
  for (const step of path) schemas = schemas.flatMap((schema) => childSchemas(schema, step, undefined));
  return [...new Set(schemas)];
}

/** The schema without wrappers for presence, transformation or default. */
export function unwrap(schema: Schema): Schema {
  const definition = schema._zod.def as {
    type: string;
    innerType?: Schema;
    in?: Schema;
    out?: Schema;
    getter?: () => Schema;
  };
  if (definition.type === "lazy" && definition.getter !== undefined) return unwrap(definition.getter());
  if (definition.innerType !== undefined) return unwrap(definition.innerType);
  if (definition.type !== "pipe" || definition.in === undefined || definition.out === undefined) return schema;
  return unwrap(definition.in._zod.def.type === "transform" ? definition.out : definition.in);
}

function narrow(schema: Schema, node: SourceNode | undefined): Schema[] {
  const bare = unwrap(schema);
  const definition = bare._zod.def as { type: string; options?: readonly Schema[] };
  if (definition.type !== "union" || definition.options === undefined) return [bare];
  const protocol = childOf(node, "protocol");
  const named = definition.options.filter(
    (option) => protocol?.kind === "scalar" && literalProtocol(option) === protocol.value,
  );
  return named.length > 0 ? named : [...definition.options];
}

function literalProtocol(option: Schema): unknown {
  const literal = shapeOf(option)?.["protocol"];
  return (literal?._zod.def as { values?: readonly unknown[] } | undefined)?.values?.[0];
}

function childSchemas(schema: Schema, step: string | number, node: SourceNode | undefined): Schema[] {
  return narrow(schema, node).flatMap((option) => {
    const definition = option._zod.def as { type: string; element?: Schema; valueType?: Schema };
    if (definition.type === "array" && definition.element !== undefined) {
      return typeof step === "number" ? [definition.element] : childSchemas(definition.element, step, undefined);
    }
    if (definition.type === "record" && definition.valueType !== undefined) {
      const below = node === undefined ? childSchemas(definition.valueType, step, undefined) : [];
      return below.length > 0 ? below : [definition.valueType];
    }
    const shape = shapeOf(option) ?? {};
    const child = Object.hasOwn(shape, step) ? shape[String(step)] : undefined;
    return child === undefined ? [] : [child];
  });
}

function objectKeys(schemas: readonly Schema[]): string[] {
  return schemas.flatMap((schema) => Object.keys(shapeOf(schema) ?? {}));
}

function shapeOf(schema: Schema): Readonly<Record<string, Schema>> | undefined {
  return schema instanceof z.ZodObject ? schema.shape : undefined;
}
