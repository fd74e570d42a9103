import { type Fault, fault, quote, wrongType } from "./fault.ts";

/**
 * A domain name: lower case, no trailing dot; a leading `*.` is dropped, because a domain includes its subdomains. RFC
 * 1035 section 2.3.4 lengths; labels of letters, digits, dashes and (as in practice) underscores.
 */
export function checkDomain(input: unknown): string | Fault {
  if (typeof input !== "string") return wrongType(input, "a domain name such as corp.example");
  const name = input.toLowerCase().replace(/^\*\./, "").replace(/\.$/, "");
  const labels = name.split(".");
  const isValid = name.length <= 253 && labels.every((label) => /^[a-z0-9_]([a-z0-9_-]{0,61}[a-z0-9_])?$/.test(label));
  if (/^[0-9]+$/.test(labels.at(-1) ?? "")) {
    return fault("domain-syntax", `${quote(input)} ends in a number, as only addresses do`, "use the address itself");
  }
  if (isValid) return name;
  const remedy = /\P{ASCII}/u.test(name) ? "use its xn-- form" : "for example corp.example";
  return fault("domain-syntax", `${quote(input)} is not a domain name`, remedy);
}
