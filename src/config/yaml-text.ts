import { Document, isCollection, isMap, isPair, isScalar, isSeq, type Node, visit } from "yaml";

const WIDTH = 80;
/** Values that ip(8) and wg(8) print in hex. */
const HEX_KEYS: ReadonlySet<string> = new Set(["fwmark", "mask"]);

/** Plain data as YAML for people: short lists in one line, marks in hex, no anchors. Pure. */
export function yamlText(data: unknown): string {
  const document = new Document(data, { aliasDuplicateObjects: false });
  visit(document, {
    Pair(_, { key, value }) {
      if (isScalar(key) && HEX_KEYS.has(String(key.value)) && isScalar(value)) value.format = "HEX";
    },
    Collection(_, node) {
      if (node !== document.contents && isShort(node)) node.flow = true;
    },
  });
  return document.toString({ lineWidth: WIDTH, flowCollectionPadding: true }).trimEnd();
}

/** Whether a list or map of plain values fits beside its key. */
function isShort(node: Node): boolean {
  if (!isCollection(node)) return false;
  const items = isMap(node) ? node.items.map(({ value }) => value) : isSeq(node) ? node.items : [];
  const isFlat = items.every((item) => item === null || (isScalar(item) && !isPair(item)));
  return isFlat && JSON.stringify(node).length < WIDTH - 20;
}
