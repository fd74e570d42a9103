import { itemType, type Proto, type ProtoField, STRUCT } from "./proto.ts";

/** The text of a .proto file (proto3). Pure. */
export function renderProto({ package: name, about, service, methods, messages }: Proto): string {
  const lines = [
    `// ${about}`,
    "// Written by scripts/generate; do not edit.",
    'syntax = "proto3";',
    "",
    `package ${name};`,
    "",
    'import "google/protobuf/struct.proto";',
    "",
    `service ${service} {`,
    ...Object.entries(methods).flatMap(([method, { role, request, response, isStream, summary }]) => [
      `  // ${summary} Role: ${role}.`,
      `  rpc ${method}(${request}) returns (${isStream === true ? "stream " : ""}${response});`,
    ]),
    "}",
    ...Object.entries(messages).flatMap(([message, { summary, fields }]) => [
      "",
      `// ${summary}`,
      `message ${message} {${Object.keys(fields).length === 0 ? "}" : ""}`,
      ...Object.entries(fields).flatMap(([field, one]) => fieldLines(field, one)),
      ...(Object.keys(fields).length === 0 ? [] : ["}"]),
    ]),
  ];
  return `${lines.join("\n")}\n`;
}

function fieldLines(name: string, [number, type, summary]: ProtoField): readonly string[] {
  const { item, isList } = itemType(type);
  return [`  // ${summary}`, `  ${isList ? "repeated " : ""}${item} ${name} = ${number};`];
}

/** The interface as FileDescriptorProto of google/protobuf/descriptor.proto, in its JSON form. Pure. */
export function describeProto({ package: name, service, methods, messages }: Proto, scalars: ScalarNumbers): object {
  const typeName = (type: string): string => (type === STRUCT ? `.${STRUCT}` : `.${name}.${type}`);
  return {
    name: `${name.replaceAll(".", "/")}.proto`,
    package: name,
    syntax: "proto3",
    dependency: ["google/protobuf/struct.proto"],
    messageType: Object.entries(messages).map(([message, { fields }]) => ({
      name: message,
      field: Object.entries(fields).map(([field, [number, type]]) => {
        const { item, isList } = itemType(type);
        const scalar = scalars[item];
        return {
          name: field,
          number,
          label: isList ? REPEATED : OPTIONAL,
          ...(scalar === undefined ? { type: MESSAGE, typeName: typeName(item) } : { type: scalar }),
          jsonName: field,
        };
      }),
    })),
    service: [
      {
        name: service,
        method: Object.entries(methods).map(([method, { request, response, isStream }]) => ({
          name: method,
          inputType: typeName(request),
          outputType: typeName(response),
          ...(isStream === true ? { serverStreaming: true } : {}),
        })),
      },
    ],
  };
}

type ScalarNumbers = Readonly<Record<string, number>>;

/** Numbers of descriptor.proto: FieldDescriptorProto.Label and Type. */
const OPTIONAL = 1;
const REPEATED = 3;
const MESSAGE = 11;
