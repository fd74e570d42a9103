import type { DomainMatch } from "../../model/dns/domain-match.ts";
import { parsePrefix } from "../../model/prefix.ts";
import { checkPrefix } from "../field/address.ts";
import { checkDomain } from "../field/domain.ts";
import { type Fault, fault, isFault, kindOf, leaf, quote, wrongType } from "../field/leaf.ts";
import { DOMAIN_PATTERN, PREFIX_PATTERN } from "../field/patterns.ts";
import { checkText } from "../field/scalar.ts";
import { build, type OneKeyReader, oneKeyForms, readOneKey } from "./one-key.ts";

/** Where traffic goes. Prefixes are canonical text. */
export type Destination =
  | { readonly kind: "prefix"; readonly prefix: string }
  | { readonly kind: "domain"; readonly match: DomainMatch["kind"]; readonly domain: string }
  | ListSource
  | { readonly kind: "geoip"; readonly geoip: string };

/** A file by its absolute path, or an HTTPS address with the SHA-256 of its content in hex. */
export interface ListSource {
  readonly kind: "list";
  readonly list: string;
  readonly sha256?: string;
}

const KEYWORD_PATTERN = "^[A-Za-z0-9._-]{1,63}$";
const SHA256_PATTERN = "^[0-9A-Fa-f]{64}$";
const URL_PATTERN = "^https://[!-~]+$";

const DOMAIN_READERS: OneKeyReader<Destination> = {
  exact: (value) => build(checkDomain(value), (domain) => ({ kind: "domain", match: "exact", domain })),
  suffix: (value) => build(checkDomain(value), (domain) => ({ kind: "domain", match: "suffix", domain })),
  keyword: (value) => build(checkKeyword(value), (domain) => ({ kind: "domain", match: "keyword", domain })),
};

const DESTINATION_READERS: OneKeyReader<Destination> = {
  domain: (value) =>
    typeof value === "object" && value !== null
      ? readOneKey(value, DOMAIN_READERS, "a domain")
      : build(checkDomain(value), (domain) => ({ kind: "domain", match: "suffix", domain })),
  list: readList,
  geoip: (value) => build(checkCountry(value), (geoip) => ({ kind: "geoip", geoip })),
};

/** What the one key of a form accepts, for the JSON Schema. */
const FORMS = {
  domain: {
    anyOf: [
      { type: "string", minLength: 1, pattern: DOMAIN_PATTERN },
      ...oneKeyForms(DOMAIN_READERS, {
        exact: { type: "string", minLength: 1, pattern: DOMAIN_PATTERN },
        suffix: { type: "string", minLength: 1, pattern: DOMAIN_PATTERN },
        keyword: { type: "string", pattern: KEYWORD_PATTERN },
      }),
    ],
  },
  list: {
    anyOf: [
      { type: "string", minLength: 1, maxLength: 4096, pattern: "^/" },
      {
        type: "object",
        properties: {
          url: { type: "string", description: "The list's https address.", maxLength: 2048, pattern: URL_PATTERN },
          sha256: { type: "string", description: "SHA-256 of its content, in hex.", pattern: SHA256_PATTERN },
        },
        required: ["url", "sha256"],
        additionalProperties: false,
      },
    ],
  },
  geoip: { type: "string", minLength: 1, pattern: "^[A-Za-z]{2}$" },
};

/** A prefix, an address, a domain, a list or a country. */
export const destination = leaf(
  { anyOf: [{ type: "string", pattern: PREFIX_PATTERN }, ...oneKeyForms(DESTINATION_READERS, FORMS)] },
  (input) => {
    if (typeof input === "object" && input !== null) return readOneKey(input, DESTINATION_READERS, "a destination");
    if (
      typeof input === "string" &&
      parsePrefix(input) === undefined &&
      /[a-z]/i.test(input) &&
      !isFault(checkDomain(input))
    ) {
      return fault("prefix-syntax", `${quote(input)} is not an IP prefix`, `for a domain use { domain: ${input} }`);
    }
    return build<Destination>(checkPrefix(input), (prefix) => ({ kind: "prefix", prefix }));
  },
).meta({ id: "Destination" });

function readList(value: unknown): ListSource | Fault {
  if (typeof value !== "object" || value === null || Array.isArray(value)) return readListPath(value);
  const { url, sha256, ...others } = value as Readonly<Record<string, unknown>>;
  const [other] = Object.keys(others);
  if (other !== undefined) return fault("unknown-key", `unknown key ${quote(other)}`, "use url and sha256", [other]);
  const address = checkText(url, 2048);
  if (isFault(address)) return { ...address, path: ["url"] };
  if (!isHttps(address)) {
    return fault("list-source", `${quote(address)} is not an https:// address`, "use https://, or a file", ["url"]);
  }
  if (typeof sha256 !== "string" || !/^[0-9a-f]{64}$/i.test(sha256)) {
    const remedy = "pin the content: sha256 with the 64 digits of sha256sum(1)";
    return fault("list-source", "the list has no SHA-256 of its content", remedy, ["sha256"]);
  }
  return { kind: "list", list: address, sha256: sha256.toLowerCase() };
}

function readListPath(value: unknown): ListSource | Fault {
  const text = checkText(value, 4096);
  if (isFault(text)) return text;
  if (/^https?:/i.test(text)) {
    const remedy = "write { url: https://…, sha256: … }, with the 64 digits of sha256sum(1)";
    return fault("list-source", "a list by its address needs a pinned hash", remedy);
  }
  if (!text.startsWith("/")) return fault("path-relative", "the path is not absolute", "begin it with /");
  return { kind: "list", list: text };
}

function isHttps(text: string): boolean {
  return /^https:\/\/[!-~]+$/.test(text) && URL.canParse(text) && new URL(text).username === "";
}

function checkKeyword(value: unknown): string | Fault {
  if (typeof value !== "string") return wrongType(value, "a part of a name, such as shop");
  if (/^[a-z0-9._-]{1,63}$/i.test(value)) return value.toLowerCase();
  return fault("domain-syntax", `${quote(value)} is not a keyword`, "use letters, digits, dots and dashes");
}

function checkCountry(value: unknown): string | Fault {
  if (typeof value === "string" && /^[a-z]{2}$/i.test(value)) return value.toUpperCase();
  const said = typeof value === "string" ? quote(value) : kindOf(value);
  return fault("not-one-of", `${said} is not a country code`, "use two letters such as DE");
}
