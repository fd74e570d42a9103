/** The remedy for a permission error; on macOS even root is restricted. */
export function permissionRemedy(): string {
  if (process.geteuid?.() !== 0) return "run it as root";
  return "macOS denies it to root too: check System Integrity Protection (csrutil status), Full Disk Access in Privacy & Security, a profile that manages this Mac, and a sandbox around awg";
}
