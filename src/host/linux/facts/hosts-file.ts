import { readFileSync } from "node:fs";
import { canonicalName } from "../../../model/dns/question.ts";
import { parseIp, renderIp } from "../../../model/ip.ts";

/** The addresses of a canonical name in the text of hosts(5). */
export function addressesInHosts(name: string, text = readHosts()): readonly string[] {
  return text.split("\n").flatMap((line) => {
    const [address = "", ...names] = line.replace(/#.*/, "").trim().split(/\s+/);
    const ip = parseIp(address);
    return ip !== undefined && names.some((one) => canonicalName(one) === name) ? [renderIp(ip)] : [];
  });
}

function readHosts(): string {
  try {
    return readFileSync("/etc/hosts", "utf8");
  } catch {
    return "";
  }
}
