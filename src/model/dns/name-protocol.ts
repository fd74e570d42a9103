import type { EngineUser } from "../keeper-protocol.ts";
import type { NameService } from "./name-service.ts";

/** Messages from the keeper to its resolver. */
export type NameOrder =
  | { readonly kind: "serve"; readonly service: NameService; readonly user: EngineUser }
  | { readonly kind: "filled"; readonly id: number; readonly ok: boolean };

/** Messages from the resolver to its keeper, which believes none of them. */
export type NameReport =
  | { readonly kind: "ready" }
  | { readonly kind: "failed"; readonly message: string }
  | {
      readonly kind: "fill";
      readonly id: number;
      readonly set: string;
      readonly addresses: readonly { readonly address: string; readonly seconds: number }[];
    };
