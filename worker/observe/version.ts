/** Edgeway's own version, package.json's: a Worker's script has no package.json beside it. */
export const version = "0.1.0";
