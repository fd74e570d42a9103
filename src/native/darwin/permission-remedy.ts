/** What to do about a refusal for want of rights: of root on macOS other things stand in the way than its number. */
export function permissionRemedy(): string {
  if (process.geteuid?.() !== 0) return "run it as root";
  return "macOS keeps it from root too: look at System Integrity Protection (csrutil status), Full Disk Access in Privacy & Security, a profile that manages this Mac, and a sandbox around awg";
}
