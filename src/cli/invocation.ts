/**
 * The words by which this command is run where it was run: `npm start` and npx find what is on nobody's PATH.
 *
 * @see https://docs.npmjs.com/cli/v11/using-npm/scripts#environment
 */
export function invocation(env: Readonly<Record<string, string | undefined>>): string {
  if (env["npm_lifecycle_event"] === undefined) return "stowage";
  // npx names the package of the folder too, and no script of it.
  const isOurs = env["npm_package_name"] === "stowage" && env["npm_command"] !== "exec";
  return isOurs ? "npm run stowage --" : "npx stowage";
}
