import { AwgError } from "../../../model/error.ts";
import { type AddressText, list } from "./pf-rule.ts";

/** Longer lists become tables: a list multiplies rules, a table is one lookup. */
const LONGEST_LIST = 8;
/** The kernel's limits (pfvar.h): tables, and addresses in all of them. */
const MOST_TABLES = 1000;
const MOST_ENTRIES = 200_000;
const ADDRESSES_A_LINE = 8;

/** The tables of one anchor, each content once. */
export class AddressTables {
  readonly #names = new Map<string, { readonly name: string; readonly addresses: readonly string[] }>();

  /** The text for these addresses in a rule. */
  readonly text: AddressText = (addresses) => {
    if (addresses.length <= LONGEST_LIST) return list(addresses);
    const content = addresses.join(" ");
    const known = this.#names.get(content);
    if (known !== undefined) return `<${known.name}>`;
    const name = `awg_${this.#names.size}`;
    this.#names.set(content, { name, addresses });
    return `<${name}>`;
  };

  /** Names and addresses of the tables used so far. */
  contents(): Map<string, readonly string[]> {
    return new Map([...this.#names.values()].map(({ name, addresses }) => [name, addresses]));
  }

  /**
   * The tables as pf.conf defines them.
   *
   * @throws AwgError("unsupported") beyond the kernel's limits
   */
  render(): string[] {
    const tables = [...this.#names.values()];
    const entries = tables.reduce((sum, { addresses }) => sum + addresses.length, 0);
    if (tables.length > MOST_TABLES || entries > MOST_ENTRIES) {
      throw new AwgError(
        "unsupported",
        `the rules need ${tables.length} tables with ${entries} addresses, and PF holds ${MOST_TABLES} and ${MOST_ENTRIES}`,
        { remedy: "merge rules or prefixes" },
      );
    }
    return tables.map(({ name, addresses }) => `table <${name}> const { \\\n${lines(addresses).join(" \\\n")} \\\n}`);
  }
}

function lines(addresses: readonly string[]): string[] {
  const found: string[] = [];
  for (let at = 0; at < addresses.length; at += ADDRESSES_A_LINE) {
    found.push(`  ${addresses.slice(at, at + ADDRESSES_A_LINE).join(" ")}`);
  }
  return found;
}
