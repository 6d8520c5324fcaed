import { type DriverContext, type Host, StowageError } from "../../../src/driver.ts";
import { ENDPOINT, type S3Options } from "./options.ts";
import { findProfile, type ProfileSearch, profileName } from "./profile-file.ts";

/**
 * Complete `options` from the profile: the region, and the endpoint of a server other than AWS. A storage with `env` has
 * no profile.
 *
 * @throws {StowageError} `storage_misconfigured` for a file that cannot be read, or an invalid endpoint.
 */
export async function completeFromProfile(
  options: S3Options,
  { host }: Pick<DriverContext, "host">,
): Promise<S3Options> {
  const { env, region, endpoint } = options;
  const isComplete = region !== undefined && endpoint !== undefined;
  if (host === undefined || env !== undefined || isComplete) return options;
  const { profile, files } = await search(options, host);
  const foundRegion = region ?? profile?.get("region");
  const foundEndpoint = endpoint ?? profile?.get("endpoint_url");
  if (foundEndpoint && !ENDPOINT.safeParse(foundEndpoint).success) {
    const name = profileName(options.profile, host);
    throw new StowageError(
      "storage_misconfigured",
      `Cannot open s3 storage: endpoint_url of profile "${name}" in ${files.join(" and ")} is not an http(s) address; correct it, or set AWS_ENDPOINT_URL_S3`,
    );
  }
  return {
    ...options,
    ...(foundRegion && { region: foundRegion }),
    ...(foundEndpoint && { endpoint: foundEndpoint }),
  };
}

async function search({ profile, region }: S3Options, host: Host): Promise<ProfileSearch> {
  try {
    return await findProfile(profileName(profile, host), host);
  } catch (error) {
    // The file may belong to another user's home. If variables supply region and keys, it is not needed.
    const isAsked = region === undefined || profile !== undefined || host.env["AWS_PROFILE"];
    if (isAsked) throw error;
    return { profile: null, files: [] };
  }
}
