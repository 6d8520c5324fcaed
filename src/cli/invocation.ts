/**
 * How to run this command the way it was run: npm scripts and npx find programs that are not on the PATH.
 *
 * @see https://docs.npmjs.com/cli/v11/using-npm/scripts#environment
 */
export function invocation(env: Readonly<Record<string, string | undefined>>): string {
  if (env["npm_lifecycle_event"] === undefined) return "stowage";
  // npx sets the package of the folder too, but runs no script of it.
  const isOurs = env["npm_package_name"] === "stowage" && env["npm_command"] !== "exec";
  return isOurs ? "npm run stowage --" : "npx stowage";
}
