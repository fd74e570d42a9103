/** The seed of every property run; AWG_SEED overrides it. */
export const SEED = Number(process.env["AWG_SEED"] ?? 20261121);
