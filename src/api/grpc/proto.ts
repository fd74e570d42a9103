import type { Role } from "../role.ts";

/** A protobuf interface as data: schema/awg.proto, the descriptors and the types of handlers come from it. */
export interface Proto {
  readonly package: string;
  /** Comment at the head of the file. */
  readonly about: string;
  readonly service: string;
  readonly methods: Readonly<Record<string, ProtoMethod>>;
  readonly messages: Readonly<Record<string, ProtoMessage>>;
}

export interface ProtoMethod {
  readonly role: Role;
  readonly request: string;
  readonly response: string;
  /** The server answers with a stream. */
  readonly isStream?: true;
  readonly summary: string;
}

export interface ProtoMessage {
  readonly summary: string;
  /** In the order of their numbers, which never change: number, type, meaning. */
  readonly fields: Readonly<Record<string, ProtoField>>;
}

export type ProtoField = readonly [number: number, type: string, summary: string];

/** Types of fields that are not messages of the interface, with the numbers of descriptor.proto. */
export const SCALARS = { double: 1, uint64: 4, int32: 5, bool: 8, string: 9 } as const;

/** JSON objects; the other messages are the interface's own. */
export const STRUCT = "google.protobuf.Struct";

/** What a field holds, in the JSON form of protobuf. */
type ValueOf<P extends Proto, T extends string> = T extends `${infer One}[]`
  ? readonly ValueOf<P, One>[]
  : T extends "string"
    ? string
    : T extends "bool"
      ? boolean
      : T extends "double" | "int32" | "uint64"
        ? number
        : T extends typeof STRUCT
          ? Readonly<Record<string, unknown>>
          : T extends keyof P["messages"]
            ? MessageOf<P, T>
            : never;

/** A message as handlers make it; a field that is left out has its default. */
export type MessageOf<P extends Proto, M extends keyof P["messages"]> = {
  readonly [F in keyof P["messages"][M]["fields"]]?: ValueOf<P, P["messages"][M]["fields"][F][1]>;
};

/** The type of a field, without the mark of a list. */
export function itemType(type: string): { readonly item: string; readonly isList: boolean } {
  const isList = type.endsWith("[]");
  return { item: isList ? type.slice(0, -2) : type, isList };
}
