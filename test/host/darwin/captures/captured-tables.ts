import { parseIp } from "../../../../src/model/ip.ts";
import { constant } from "../fake/abi.ts";

/** What `ifconfig` and `netstat -rn` of real Macs printed, read without any of awg's own parsers. */

export interface CapturedInterface {
  readonly name: string;
  readonly flags: number;
  /** The words that ifconfig prints for the flags. */
  readonly words: readonly string[];
  readonly mtu: number;
  /** "192.168.1.72/24", IPv6 without its scope. */
  readonly addresses: readonly string[];
}

export interface CapturedRoute {
  /** Canonical, whole: "127.0.0.0/8". */
  readonly destination: string;
  readonly gateway: string;
  readonly flags: number;
  readonly device: string;
}

/** Letters of netstat's flags column (netstat(1) of macOS). */
const LETTERS: Readonly<Record<string, string>> = {
  U: "UP",
  G: "GATEWAY",
  H: "HOST",
  R: "REJECT",
  D: "DYNAMIC",
  M: "MODIFIED",
  S: "STATIC",
  1: "PROTO1",
  2: "PROTO2",
  3: "PROTO3",
  B: "BLACKHOLE",
  b: "BROADCAST",
  m: "MULTICAST",
  C: "CLONING",
  c: "PRCLONING",
  L: "LLINFO",
  W: "WASCLONED",
  I: "IFSCOPE",
  i: "IFREF",
  r: "ROUTER",
  g: "GLOBAL",
};

/** The interfaces of an `ifconfig`, in its order. */
export function readIfconfig(text: string): CapturedInterface[] {
  const blocks = text.split(/^(?=\S)/m).filter((block) => /^\S+: flags=/.test(block));
  return blocks.map((block) => {
    const [, name = "", flags = "", words = "", mtu = ""] =
      /^(\S+): flags=([0-9a-f]+)<(.*)> mtu (\d+)/.exec(block) ?? [];
    const four = [...block.matchAll(/\sinet (\S+)(?: --> \S+)? netmask 0x([0-9a-f]+)/g)];
    const six = [...block.matchAll(/\sinet6 ([^\s%]+)\S* (?:--> \S+ )?prefixlen (\d+)/g)];
    const lengthOf = (mask: string) => Number.parseInt(mask, 16).toString(2).replaceAll("0", "").length;
    return {
      name,
      flags: Number.parseInt(flags, 16),
      words: words === "" ? [] : words.split(","),
      mtu: Number(mtu),
      addresses: [
        ...four.map(([, address, mask = ""]) => `${address}/${lengthOf(mask)}`),
        ...six.map(([, address, length]) => `${address}/${length}`),
      ],
    };
  });
}

/** The rows of a `netstat -rn` or `-rnl`, those that name no whole address (a tail that was cut, a MAC) left out. */
export function readNetstat(text: string): CapturedRoute[] {
  let [device, family]: [number, 4 | 6] = [0, 4];
  const routes: CapturedRoute[] = [];
  for (const line of text.split("\n")) {
    if (line.startsWith("Internet")) family = line.startsWith("Internet6") ? 6 : 4;
    const cells = line.trim().split(/\s+/);
    if (cells[0] === "Destination") device = cells.indexOf("Netif");
    else if (cells.length > device && device > 0) {
      const [destination = "", gateway = "", flags = ""] = cells;
      const whole = wholePrefix(destination, family, flags.includes("H"));
      if (whole !== undefined)
        routes.push({ destination: whole, gateway, flags: flagsOf(flags), device: cells[device] ?? "" });
    }
  }
  return routes;
}

/** netstat leaves zeroes at the end out, and the length of a class's own network. */
function wholePrefix(text: string, family: 4 | 6, isHost: boolean): string | undefined {
  if (text === "default") return family === 4 ? "0.0.0.0/0" : "::/0";
  const [address = "", length] = text.split("/");
  if (family === 6) {
    const [bare = ""] = address.split("%");
    return parseIp(bare) === undefined ? undefined : `${bare}/${length ?? 128}`;
  }
  const bytes = address.split(".");
  const whole = [...bytes, "0", "0", "0"].slice(0, 4).join(".");
  return parseIp(whole) === undefined ? undefined : `${whole}/${length ?? (isHost ? 32 : bytes.length * 8)}`;
}

function flagsOf(letters: string): number {
  return [...letters].reduce((sum, letter) => {
    const name = LETTERS[letter];
    if (name === undefined) throw new Error(`netstat's flag ${letter} is not known`);
    return sum + constant(`RTF_${name}`);
  }, 0);
}
