/** Whether a text claims to be a saved plan, whole or damaged; a config in JSON has no such head. */
export function isSavedPlan(text: string): boolean {
  return /^\s*\{\s*"format_?[vV]ersion"\s*:\s*"[^"]*",\s*"kind"\s*:\s*"awg-plan"/.test(text.slice(0, 200));
}
