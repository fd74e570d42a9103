import { bytesToAddress } from "../../../native/linux/address.codec.ts";
import type { NftChain } from "../../../native/linux/nftables/chain.codec.ts";
import type { Expression, ExpressionOf, Verdict } from "../../../native/linux/nftables/expression.ts";
import { FIELDS, type FieldName, fieldOf } from "../../../native/linux/nftables/field.ts";
import type { NftRule } from "../../../native/linux/nftables/rule.codec.ts";
import type { SetElement } from "../../../native/linux/nftables/set-element.codec.ts";
import type { RenderedTable } from "../nft/render/rendered-table.ts";
import type { RenderedSet } from "../nft/render/table-sets.ts";

/** What a register holds while a rule is read from left to right. */
interface Loaded {
  readonly label: string;
  readonly field: FieldName | undefined;
}

/** The name of each field by how it is loaded; register 0 matches any. */
const FIELD_OF_LOAD: ReadonlyMap<string, FieldName> = new Map(
  (Object.keys(FIELDS) as FieldName[])
    .filter((name) => fieldOf(name).bits === undefined)
    .map((name) => [loadKey(fieldOf(name).load(0)), name]),
);

const OPERATOR = { eq: "", neq: "!= ", lt: "< ", lte: "<= ", gt: "> ", gte: ">= " } as const;

/**
 * Renders a table in the style of `nft list table`, for people and not for nft: conditions that nft implies are written
 * out. Pure.
 */
export function renderTableText({ table, sets, chains, rules }: RenderedTable): string {
  const body = [
    ...sets.map(renderSet),
    ...chains.map((chain) =>
      renderChain(
        chain,
        rules.filter((rule) => rule.chain === chain.name),
      ),
    ),
  ];
  return `table ${table.family} ${table.name} {\n${body.join("\n")}\n}`;
}

function renderSet({ set, elements }: RenderedSet): string {
  const type = set.fields.join(" . ");
  const shown = elements.map((element) => `    ${renderElement(element, set.fields[0])}`);
  return `  set ${set.name} { # ${type}\n${shown.join("\n")}${shown.length > 0 ? "\n" : ""}  }`;
}

function renderElement({ from, to }: SetElement, field: FieldName | undefined): string {
  const first = renderValue(from, field);
  const last = to === undefined ? first : renderValue(to, field);
  return first === last ? first : `${first}-${last}`;
}

function renderChain({ name, base, comment }: NftChain, rules: readonly NftRule[]): string {
  const hook =
    base === undefined
      ? []
      : [
          `    type ${base.type} hook ${base.hook}${devicesOf(base.devices)} priority ${base.priority}; policy ${base.policy};`,
        ];
  const note = comment === undefined ? [] : [`    comment "${comment}"`];
  return [`  chain ${name} {`, ...note, ...hook, ...rules.map((rule) => `    ${renderRule(rule)}`), "  }"].join("\n");
}

function devicesOf(devices: readonly string[] | undefined): string {
  return devices === undefined ? "" : ` devices = { ${devices.join(", ")} }`;
}

function renderRule({ expressions, comment }: NftRule): string {
  const registers = new Map<number, Loaded>();
  const words = expressions.map((expression) => renderExpression(expression, registers)).filter((word) => word !== "");
  return `${words.join(" ")}${comment === undefined ? "" : ` # ${comment}`}`;
}

function renderExpression(expression: Expression, registers: Map<number, Loaded>): string {
  const loaded = (register: number): Loaded =>
    registers.get(register) ?? { label: `register ${register}`, field: undefined };
  switch (expression.kind) {
    case "cmp":
      return comparison(loaded(expression.register), expression);
    case "range": {
      const { label, field } = loaded(expression.register);
      return `${label} ${OPERATOR[expression.operator]}${renderValue(expression.from, field)}-${renderValue(expression.to, field)}`;
    }
    case "lookup":
      return `${loaded(expression.register).label} ${expression.inverted ? "!= " : ""}@${expression.set}`;
    case "bitwise":
      registers.set(expression.register, bitwise(loaded(expression.source), expression));
      return "";
    case "immediate":
      registers.set(expression.register, { label: hex(expression.data), field: undefined });
      return "";
    case "meta-set":
      return `meta ${expression.key} set ${loaded(expression.source).label}`;
    case "ct-set":
      return `ct ${expression.key} set ${loaded(expression.source).label}`;
    case "verdict":
      return renderVerdict(expression.verdict);
    case "counter":
    case "notrack":
      return expression.kind;
    default:
      return load(expression, registers);
  }
}

function comparison({ label, field }: Loaded, { operator, data }: ExpressionOf<"cmp">): string {
  return `${label} ${OPERATOR[operator]}${renderValue(data, field)}`;
}

function bitwise({ label, field }: Loaded, { mask, xor }: ExpressionOf<"bitwise">): Loaded {
  const mixed = xor.some((byte) => byte !== 0) ? ` ^ ${renderValue(xor, field)}` : "";
  return { label: `${label} & ${renderValue(mask, field)}${mixed}`, field };
}

function load(expression: Expression, registers: Map<number, Loaded>): string {
  if (!("register" in expression)) return expression.kind;
  const field = FIELD_OF_LOAD.get(loadKey({ ...expression, register: 0 } as Expression));
  const key = "key" in expression ? ` ${expression.key}` : "";
  registers.set(expression.register, { label: field?.replaceAll(".", " ") ?? `${expression.kind}${key}`, field });
  return "";
}

function loadKey(expression: Expression): string {
  return JSON.stringify(expression, Object.keys(expression).toSorted());
}

function renderVerdict(verdict: Verdict): string {
  return "chain" in verdict ? `${verdict.code} ${verdict.chain}` : verdict.code;
}

function renderValue(data: Uint8Array, field: FieldName | undefined): string {
  const form = field === undefined ? "bytes" : fieldOf(field).form;
  if ((form === "address4" && data.length === 4) || (form === "address6" && data.length === 16))
    return bytesToAddress(data);
  if (form === "name") return `"${new TextDecoder().decode(data.subarray(0, nameLength(data)))}"`;
  if (form === "bytes" || data.length > 4) return hex(data);
  const bytes = form === "host" ? [...data].reverse() : [...data];
  const number = bytes.reduce((sum, byte) => sum * 256 + byte, 0);
  return field === "mark" || field === "ct.mark" ? `0x${number.toString(16).padStart(8, "0")}` : String(number);
}

function nameLength(data: Uint8Array): number {
  const end = data.indexOf(0);
  return end === -1 ? data.length : end;
}

function hex(data: Uint8Array): string {
  return `0x${[...data].map((byte) => byte.toString(16).padStart(2, "0")).join("")}`;
}
