/**
 * Strict readers of what awg writes for other programs, written from those programs' manuals and sharing nothing with
 * awg's renderers. Each gives the kinds of the statements in a text, one a line, without what they say; a line that is no
 * statement is an error. Two configurations that differ in one text must have the same kinds.
 */
export function statementsOf(key: string, text: string): string[] {
  const [kind = ""] = key.split("/", 1);
  const plist = text.search(/^<\?xml/m);
  if (plist >= 0) return plistStatements(text.slice(plist));
  const lines = text.split("\n").filter((line) => line.trim() !== "");
  if (lines.some((line) => /^\[(Unit|Service)\]$/.test(line))) return unitStatements(lines);
  return lines.map((line) => `${kind}: ${lineStatement(line)}`);
}

const ADDRESS = "[0-9a-fA-F.:]+(?:%[\\w.-]+)?";
const PREFIX = `${ADDRESS}/\\d{1,3}`;
const NAME = "[a-zA-Z0-9_][a-zA-Z0-9_.-]{0,14}";
const DOMAIN = "[^\\s#;]+";
const HEX = "0x[0-9a-f]+";
const KEY = "[A-Za-z0-9+/]{43}=";

/** One line and what it is: ip(8), sysctl(8), resolv.conf(5), resolvectl(1), wg(8), scutil(8), launchctl(1). */
const LINES: readonly (readonly [string, RegExp])[] = [
  ["comment", /^#.*$/],
  ["tun", word(`ip tuntap add dev ${NAME} mode tun`)],
  ["wireguard", word(`ip link add dev ${NAME} type wireguard`)],
  ["link up", word(`ip link set dev ${NAME} alias awg:[a-z0-9-]+ mtu \\d+ up`)],
  ["address", word(`ip address add ${PREFIX} dev ${NAME} proto \\d+`)],
  ["guard", word("ip -[46] route add unreachable default(?: table \\d+)? metric \\d+ proto \\d+")],
  ["route", word(`ip route add ${PREFIX} dev ${NAME}(?: table \\d+)? proto \\d+`)],
  [
    "rule",
    word(
      `ip -[46] rule add pref \\d+(?: from ${PREFIX})?(?: to ${PREFIX})?(?: fwmark ${HEX}/${HEX})?(?: uidrange \\d+-\\d+)?` +
        "(?: iif lo)?(?: ipproto [a-z0-9-]+)?(?: sport \\d+-\\d+)?(?: dport \\d+-\\d+)?" +
        " lookup (?:main|\\d+)(?: suppress_prefixlength \\d+)? protocol \\d+",
    ),
  ],
  ["sysctl", word("sysctl -w net\\.[a-z0-9_.]+=\\d+")],
  ["nameserver", word(`nameserver ${ADDRESS}`)],
  ["search", word(`search ${DOMAIN}(?: ${DOMAIN})*`)],
  ["port", word("port \\d+")],
  ["resolvectl", word(`resolvectl (?:dns ${NAME}(?: ${ADDRESS})+|domain ${NAME} ~\\.)`)],
  ["section", word("\\[(?:Interface|Peer)\\]")],
  ["secret", word("(?:PrivateKey|PresharedKey|headerProtectionKey) = \\(secret\\)")],
  ["number", word(`(?:ListenPort|PersistentKeepalive) = \\d+|FwMark = ${HEX}`)],
  ["public key", word(`PublicKey = ${KEY}`)],
  ["endpoint", word(`Endpoint = (?:\\[${ADDRESS}\\]|[^\\s\\[\\]#:]+):\\d+`)],
  ["allowed", word(`AllowedIPs = (?:${PREFIX}(?:, ${PREFIX})*)?`)],
  ["obfuscation", word("[a-zA-Z][a-zA-Z0-9_]* = [\\x20-\\x7e]*")],
  ["systemctl", word("systemctl (?:enable|disable) [a-z@.-]+")],
  [
    "scutil",
    word(
      "d\\.init|d\\.add [A-Za-z]+ (?:[*#] )?[^\\s]+(?: [^\\s]+)*|(?:set|show|remove) State:/[\\w./-]+|quit|open|close",
    ),
  ],
  ["system call", word("(?:socket|connect|ioctl|getsockopt)\\([A-Za-z0-9_, ]*\\)(?:  # [\\x20-\\x7e]*)?")],
  ["route message", word("(?:[0-9a-f]{2}){92,}")],
  ["route in words", word("  RTM_[A-Z]+ [0-9a-zA-Z.:/%]+ -> [\\x20-\\x7e]+")],
];

function word(pattern: string): RegExp {
  return new RegExp(`^(?:${pattern})$`);
}

function lineStatement(line: string): string {
  const found = LINES.find(([, form]) => form.test(line));
  if (found === undefined) throw new Error(`${JSON.stringify(line)} is no statement`);
  return found[0];
}

/** systemd.syntax(7): sections, and assignments in them. */
function unitStatements(lines: readonly string[]): string[] {
  let section = "";
  return lines.flatMap((line) => {
    if (/^[#;]/.test(line)) return [];
    const header = /^\[([A-Z][A-Za-z]+)\]$/.exec(line)?.[1];
    if (header !== undefined) section = header;
    const name = header ?? /^([A-Z][A-Za-z0-9]*)=/.exec(line)?.[1];
    if (name === undefined || section === "" || line.endsWith("\\")) {
      throw new Error(`${JSON.stringify(line)} is no assignment of a unit`);
    }
    return [header === undefined ? `${section}.${name}` : `[${header}]`];
  });
}

const PLIST_PIECE = /<(\/?)([a-z]+)(\/?)>|<[?!][^<>]*>|([^<>]+)/gy;

/** The tags of a property list in their order, and the names of its keys (plist(5)); every tag is closed. */
function plistStatements(text: string): string[] {
  const found: string[] = [];
  const open: string[] = [];
  let at = 0;
  for (const [piece, closing, tag, empty, words] of text
    .replace(/<plist version="1\.0">/, "<plist>")
    .matchAll(PLIST_PIECE)) {
    at += piece.length;
    if (tag === undefined) {
      if (words !== undefined && /&(?!(?:amp|lt|gt|quot|apos);)/.test(words)) throw new Error(`${piece}: a bare &`);
      if (words !== undefined && open.at(-1) === "key") found.push(words);
    } else if (closing === "/") {
      if (open.pop() !== tag) throw new Error(`</${tag}> closes nothing`);
    } else {
      found.push(`<${tag}>`);
      if (empty !== "/") open.push(tag);
    }
  }
  if (open.length > 0 || at !== text.replace(/<plist version="1\.0">/, "<plist>").length)
    throw new Error("no property list");
  return found;
}
