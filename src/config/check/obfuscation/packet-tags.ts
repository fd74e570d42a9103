import { packetTags, textOutsideTags } from "../../../uapi/packet-tags.ts";
import { isOlder } from "../../section/amnezia-version.ts";
import type { AmneziaVersion } from "../../section/obfuscation.ts";

/** A part of a described packet that some implementation refuses or reads differently. */
export interface TagProblem {
  readonly id: "obfuscation-tag" | "obfuscation-version-tag";
  readonly message: string;
  readonly remedy: string;
}

export interface PacketDescription {
  /** Bytes on the wire. */
  readonly sizeBytes: number;
  readonly problems: readonly TagProblem[];
}

/** Largest UDP payload over IPv4. */
const MAX_DATAGRAM = 65507;

/** Reads a packet in the tag language of AmneziaWG: `<b 0xHEX>`, `<r N>`, `<rc N>`, `<rd N>`, `<t>` and older ones. */
export function describePacket(text: string, version: AmneziaVersion): PacketDescription {
  const problems: TagProblem[] = [];
  let sizeBytes = 0;
  if (text.trim() === "") problems.push(wrong("the packet description is empty", "remove the key, or use <r 16>"));
  else if (textOutsideTags(text) !== "")
    problems.push(wrong("there is text outside < and >", "put every byte inside a tag, as in <b 0xc0ff>"));
  for (const { name, argument } of packetTags(text)) sizeBytes += readTag(name, argument, version, problems);
  if (sizeBytes === 0 && !problems.some(({ id }) => id === "obfuscation-tag"))
    problems.push(wrong("the packet is empty, and receivers lose what follows an empty datagram", "add <r 16>"));
  for (const name of ["t", "c"]) checkRepeat(name, text, version, problems);
  if (sizeBytes > MAX_DATAGRAM)
    problems.push(wrong(`the packet has ${sizeBytes} bytes`, "a datagram holds at most 65507; use 1200 or fewer"));
  return { sizeBytes, problems };
}

function readTag(name: string, argument: string, version: AmneziaVersion, problems: TagProblem[]): number {
  switch (name) {
    case "b":
      return readBytes(argument, problems);
    case "r":
      return readCount(name, argument, version, problems);
    case "rc":
    case "rd":
      if (isOlder(version, "2.0")) problems.push(wrong(`<${name}> came with AmneziaWG 2.0`, "use <r N>"));
      return readCount(name, argument, version, problems);
    case "t":
      if (argument !== "") problems.push(wrong("<t> takes no argument", "use <t>"));
      return isOlder(version, "2.0") ? 8 : 4;
    case "c":
      if (!isOlder(version, "2.0")) problems.push(otherwise("<c> is refused by current AmneziaWG", "use <r 4>"));
      return isOlder(version, "2.0") ? 8 : 4;
    case "d":
    case "ds":
    case "dz":
      return readPayload(name, argument, version, problems);
    case "wt":
      if (!isOlder(version, "2.0")) problems.push(wrong("<wt> was removed with AmneziaWG 2.0", "remove it"));
      else if (!/^[0-9]{1,4}$/.test(argument) || Number(argument) > 5000)
        problems.push(wrong("<wt> takes at most 5000 milliseconds", "use <wt 100>"));
      return 0;
    default:
      problems.push(wrong(`<${name.slice(0, 20)}> is not a tag`, "known: <b 0xHEX> <r N> <rc N> <rd N> <t>"));
      return 0;
  }
}

/** A packet before a handshake has no payload, so `<d>` and `<ds>` are empty and `<dz N>` is N zero bytes. */
function readPayload(name: string, argument: string, version: AmneziaVersion, problems: TagProblem[]): number {
  if (isOlder(version, "2.0")) {
    problems.push(wrong(`<${name}> came with AmneziaWG 2.0`, "remove it"));
    return 0;
  }
  problems.push(otherwise(`<${name}> is refused by the kernel module and by early 2.0`, "use <b 0xHEX>"));
  return name === "dz" ? readCount(name, argument, version, problems) : 0;
}

/** The first releases of 2.0, as all of 1.5, accept one time and one counter; from v0.2.16 on they may repeat. */
function checkRepeat(name: string, text: string, version: AmneziaVersion, problems: TagProblem[]): void {
  const count = [...text.matchAll(new RegExp(`<\\s*${name}[\\s>]`, "g"))].length;
  if (count < 2 || !isOlder(version, "3.0")) return;
  const build = isOlder(version, "2.0") ? wrong : otherwise;
  problems.push(build(`<${name}> is used ${count} times, but ${version} programs accept it once`, "keep one"));
}

function readBytes(argument: string, problems: TagProblem[]): number {
  const digits = /^0x([0-9a-fA-F]+)$/.exec(argument)?.[1];
  if (digits !== undefined && digits.length % 2 === 0) return digits.length / 2;
  problems.push(wrong("<b> needs whole bytes in hexadecimal", "use 0x and an even number of digits, as in <b 0xc0ff>"));
  return 0;
}

function readCount(name: string, argument: string, version: AmneziaVersion, problems: TagProblem[]): number {
  if (!/^[0-9]{1,6}$/.test(argument) || Number(argument) === 0) {
    const shown = `<${name}${argument === "" ? "" : ` ${argument.slice(0, 20)}`}>`;
    problems.push(wrong(`${shown}: the count must be positive`, `for example <${name} 16>`));
    return 0;
  }
  const count = Number(argument);
  if (count > 1000 && isOlder(version, "3.0")) {
    const build = isOlder(version, "2.0") ? wrong : otherwise;
    problems.push(build(`${version} programs accept at most 1000 bytes in <${name}>`, "split it into two tags"));
  }
  return count;
}

function wrong(message: string, remedy: string): TagProblem {
  return { id: "obfuscation-tag", message, remedy };
}

function otherwise(message: string, remedy: string): TagProblem {
  return { id: "obfuscation-version-tag", message, remedy };
}
