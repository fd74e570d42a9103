/** One selector of names: this one, it and all names below it, or every name that contains the text. `name` is lower case and without a trailing dot. */
export interface DomainMatch {
  readonly kind: "exact" | "suffix" | "keyword";
  readonly name: string;
}
