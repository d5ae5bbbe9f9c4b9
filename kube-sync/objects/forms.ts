import { forms } from "../../routes/syntax.ts";
import { checked, formed, string } from "./read.ts";

/** Gateway API `Hostname`, which Ingress hosts are too. */
export const hostname = formed(forms.hostname);

/** In any case. */
export const headerName = checked(string, (name) =>
  forms.headerName.holds(name.toLowerCase()) ? undefined : { reason: `must be a header name, not "${name}"` },
);

export const headerValue = formed(forms.headerValue);
