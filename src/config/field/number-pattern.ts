/** A regular expression, without anchors, of the decimal numbers from 0 to `maximum`; zeros before them are accepted. */
export function upTo(maximum: number): string {
  const digits = String(maximum);
  const smaller = [...digits].flatMap((digit, index) => {
    const rest = digits.length - index - 1;
    const lower = Number(digit) - 1;
    if (lower < 0) return [];
    return [`${digits.slice(0, index)}${lower === 0 ? "0" : `[0-${lower}]`}${rest === 0 ? "" : `[0-9]{${rest}}`}`];
  });
  const shorter = digits.length === 1 ? [] : [`[0-9]{1,${digits.length - 1}}`];
  return `0*(${[...shorter, ...smaller, digits].join("|")})`;
}
