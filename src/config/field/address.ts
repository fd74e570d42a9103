import { parseIp, renderIp } from "../../model/ip.ts";
import { canonicalPrefix, hasHostBits, parsePrefix, renderPrefix } from "../../model/prefix.ts";
import { type Fault, fault, leaf, quote, wrongType } from "./leaf.ts";
import { ADDRESS_PATTERN, PREFIX_PATTERN } from "./patterns.ts";

/** An IP address, canonical text. */
export function ipAddress() {
  return leaf(
    {
      form: "address",
      anyOf: [
        { type: "string", format: "ipv4", pattern: ADDRESS_PATTERN },
        { type: "string", format: "ipv6", pattern: ADDRESS_PATTERN },
      ],
    },
    checkIpAddress,
  );
}

/** The same check for addresses inside other values. */
export function checkIpAddress(input: unknown): string | Fault {
  if (typeof input !== "string") return wrongType(input, "an IP address such as 192.0.2.1 or 2001:db8::1");
  const ip = parseIp(input);
  if (ip !== undefined) return renderIp(ip);
  return fault(
    "address-syntax",
    `${quote(input)} is not an IP address`,
    addressRemedy(input) ?? "for example 192.0.2.1 or 2001:db8::1",
  );
}

/** A prefix or an address, as a canonical prefix. Host bits are refused, with the prefix that was probably meant. */
export function prefix() {
  return leaf({ type: "string", pattern: PREFIX_PATTERN, form: "prefix" }, checkPrefix);
}

/** The same check for prefixes inside other values. */
export function checkPrefix(input: unknown): string | Fault {
  const parsed = readPrefix(input);
  if (typeof parsed !== "object" || "fault" in parsed) return parsed;
  if (!hasHostBits(parsed)) return renderPrefix(parsed);
  const meant = renderPrefix(canonicalPrefix(parsed));
  return fault("prefix-host-bits", `${quote(String(input))} has host bits set`, `use ${meant}`);
}

/** An interface's own address with its prefix length; host bits are expected. */
export function interfaceAddress() {
  return leaf({ type: "string", pattern: PREFIX_PATTERN, form: "prefix" }, (input): string | Fault => {
    const parsed = readPrefix(input);
    return "fault" in parsed ? parsed : renderPrefix(parsed);
  });
}

function readPrefix(input: unknown) {
  const example = "10.0.0.0/8, 192.0.2.1 or 2001:db8::/32";
  if (typeof input !== "string") return wrongType(input, `a prefix such as ${example}`);
  const parsed = parsePrefix(input);
  if (parsed !== undefined) return parsed;
  return fault(
    "prefix-syntax",
    `${quote(input)} is not an IP prefix`,
    addressRemedy(input) ?? `for example ${example}`,
  );
}

/** The correction of a common mistake; undefined if it is none of those. */
function addressRemedy(input: string): string | undefined {
  if (/(^|\.)0[0-9]/.test(input)) return "remove the leading zeros";
  if (input.includes("%")) return "remove the zone after %";
  const length = /\/([0-9]+)$/.exec(input)?.[1];
  if (length !== undefined && parseIp(input.slice(0, input.indexOf("/"))) !== undefined) {
    return `use a length from 0 to ${input.includes(":") ? 128 : 32}`;
  }
  return undefined;
}
