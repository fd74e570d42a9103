import { readBinaryPropertyText } from "./binary-property-list.codec.ts";

const ENTITIES: Readonly<Record<string, string>> = { amp: "&", lt: "<", gt: ">", quot: '"', apos: "'" };

/**
 * The text that stands under a key of the outermost dictionary of a property list, binary or XML (plist(5)); undefined
 * where there is none, or the bytes are no property list. Any bytes end in an answer, in time in proportion to them.
 */
export function readPropertyText(bytes: Uint8Array, key: string): string | undefined {
  return readBinaryPropertyText(bytes, key) ?? readXmlPropertyText(new TextDecoder().decode(bytes), key);
}

/** Only what stands directly in plist's dict counts: the same key may stand in dictionaries within. */
function readXmlPropertyText(text: string, key: string): string | undefined {
  const open: string[] = [];
  let asked = false;
  for (const { isEnd, isEmpty, name, content } of xmlTags(text)) {
    if (isEnd) {
      if (open.pop() !== name) return undefined;
      continue;
    }
    if (open.length === 2 && open[0] === "plist" && open[1] === "dict") {
      if (asked) return name === "string" ? unescaped(isEmpty ? "" : content) : undefined;
      asked = name === "key" && unescaped(content) === key;
    }
    if (!isEmpty) open.push(name);
  }
  return undefined;
}

interface XmlTag {
  readonly name: string;
  readonly isEnd: boolean;
  readonly isEmpty: boolean;
  /** What follows up to the next tag. */
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
