import { readBinaryPropertyText } from "./binary-property-list.codec.ts";

const ENTITIES: Readonly<Record<string, string>> = { amp: "&", lt: "<", gt: ">", quot: '"', apos: "'" };

/**
 * The text of a key in the outermost dictionary of a property list, binary or XML (plist(5)); undefined where it is
 * missing, or the list is invalid. Always returns, in time proportional to the input.
 */
export function readPropertyText(bytes: Uint8Array, key: string): string | undefined {
  return readBinaryPropertyText(bytes, key) ?? readXmlPropertyText(new TextDecoder().decode(bytes), key);
}

/** The texts of a list in the outermost dictionary of an XML property list; undefined where it is missing. */
export function readPropertyTexts(xml: string, key: string): readonly string[] | undefined {
  const [list, ...inside] = valueTags(xml, key);
  if (list?.name !== "array") return undefined;
  return inside.filter(({ depth, name }) => depth === 1 && name === "string").map(textOf);
}

function readXmlPropertyText(xml: string, key: string): string | undefined {
  const [value] = valueTags(xml, key);
  return value?.name === "string" ? textOf(value) : undefined;
}

/**
 * The elements of a key's value, the value itself at depth 0. Only keys of the outermost dictionary count, since inner
 * ones may have the same.
 */
function* valueTags(text: string, key: string): Generator<XmlTag & { readonly depth: number }> {
  const open: string[] = [];
  let [asked, found] = [false, false];
  for (const tag of xmlTags(text)) {
    if (tag.isEnd) {
      if (open.pop() !== tag.name || (found && open.length === 2)) return;
      continue;
    }
    if (!found && open.length === 2 && open[0] === "plist" && open[1] === "dict") {
      found = asked;
      asked = tag.name === "key" && unescaped(tag.content) === key;
    }
    if (found) yield { ...tag, depth: open.length - 2 };
    if (!tag.isEmpty) open.push(tag.name);
    else if (found && open.length === 2) return;
  }
}

function textOf({ isEmpty, content }: XmlTag): string {
  return isEmpty ? "" : unescaped(content);
}

interface XmlTag {
  readonly name: string;
  readonly isEnd: boolean;
  readonly isEmpty: boolean;
  /** The text up to the next tag. */
  readonly content: string;
}

/** The elements' tags in order, without declarations, comments and attributes. */
function* xmlTags(text: string): Generator<XmlTag> {
  for (let at = text.indexOf("<"); at >= 0; ) {
    const isComment = text.startsWith("<!--", at);
    const end = text.indexOf(isComment ? "-->" : ">", at + 1);
    if (end < 0) return;
    const next = text.indexOf("<", end);
    const inside = text.slice(at + 1, end);
    const [, slash, name = ""] = /^(\/?)([A-Za-z]+)/.exec(inside) ?? [];
    if (name !== "" && !isComment) {
      const content = text.slice(end + 1, next < 0 ? text.length : next);
      yield { name, isEnd: slash === "/", isEmpty: inside.endsWith("/"), content };
    }
    at = next;
  }
}

function unescaped(text: string): string {
  return text.replaceAll(/&(?:#x([0-9A-Fa-f]{1,6})|#([0-9]{1,7})|([a-z]+));/g, (whole, hex, decimal, name) => {
    if (name !== undefined) return ENTITIES[name as string] ?? whole;
    const code = hex === undefined ? Number(decimal) : Number.parseInt(hex as string, 16);
    return code <= 0x10ffff ? String.fromCodePoint(code) : "";
  });
}
