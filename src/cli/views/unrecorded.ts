/** What a person can do about objects of awg for which the state folder has no record, a line each. */
export function unrecordedRemedy(): readonly string[] {
  return ["awg apply takes them over; awg destroy removes them."];
}
