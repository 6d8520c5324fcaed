/** What is wrong with an S3 storage, in our own words, and what to do. docs/s3.md has the same table. */
export interface Trouble {
  readonly found: string;
  readonly advice: string;
}

/** Clocks differ by more than signatures bear. */
export const CLOCK: Trouble = {
  found: "this machine's clock and the server's differ",
  advice: "set the clock of this machine: timedatectl set-ntp true",
};

/** The bucket is somewhere else. */
export const REGION: Trouble = {
  found: "the bucket is in another region",
  advice: "set AWS_REGION to the region of the bucket",
};

type Row = Trouble & { readonly codes: RegExp };

/** By S3's own code, or by that of the network where there was no answer. The first that matches counts. */
const ROWS: readonly Row[] = [
  {
    codes: /^NoSuchBucket$/,
    found: "the bucket does not exist",
    advice:
      "create it, or correct AWS_S3_BUCKET; if it does exist, AWS_ENDPOINT_URL_S3 or the keys are those of another service",
  },
  {
    codes: /^(InvalidAccessKeyId|InvalidSecurity)$/,
    found: "the server does not know the key id",
    advice:
      "correct AWS_ACCESS_KEY_ID or AWS_PROFILE; keys of one service mean nothing to another, so check AWS_ENDPOINT_URL_S3 too",
  },
  {
    codes: /^SignatureDoesNotMatch$/,
    found: "the secret does not belong to the key id",
    advice: "copy AWS_SECRET_ACCESS_KEY anew, whole and without quotes",
  },
  {
    codes: /^(ExpiredToken|InvalidToken|TokenRefreshRequired)$/,
    found: "the session token is expired or belongs to other keys",
    advice:
      "get new keys: AWS_ACCESS_KEY_ID, AWS_SECRET_ACCESS_KEY and AWS_SESSION_TOKEN change together; long-lived keys have no token",
  },
  { codes: /^(RequestTimeTooSkewed|RequestExpired)$/, ...CLOCK },
  {
    codes:
      /^(AuthorizationHeaderMalformed|IllegalLocationConstraintException|(Permanent|Temporary)?Redirect)$/,
    ...REGION,
  },
  {
    codes: /^(KMS\.|KMS)/,
    found: "the KMS key cannot be used",
    advice:
      "correct AWS_S3_SSE_KMS_KEY_ID, and see that the key is enabled and in the bucket's region",
  },
  {
    codes: /^(InvalidStorageClass|NotImplemented|InvalidArgument|InvalidEncryptionAlgorithmError)$/,
    found: "the server does not offer what is asked for",
    advice: "unset AWS_S3_STORAGE_CLASS, and set AWS_S3_SSE=none",
  },
  {
    codes: /^(AccessDenied|AllAccessDisabled|AccountProblem)$/,
    found: "access is denied",
    advice: "allow it in the policy of these keys, and look for a bucket policy that denies it",
  },
  {
    codes: /^(ENOTFOUND|EAI_|ENODATA)/,
    found: "the server's name is not known to DNS",
    advice:
      "correct AWS_ENDPOINT_URL_S3 or AWS_REGION; for a server that does not take the bucket before its name, set AWS_S3_FORCE_PATH_STYLE=true",
  },
  {
    codes: /^ECONNREFUSED$/,
    found: "nothing listens at the server's address",
    advice: "start the server, or correct host and port of AWS_ENDPOINT_URL_S3",
  },
  {
    codes: /ALTNAME|HOSTNAME_MISMATCH/,
    found: "the certificate is for another host name",
    advice: "correct AWS_ENDPOINT_URL_S3, or set AWS_S3_FORCE_PATH_STYLE=true",
  },
  {
    codes: /^(ERR_SSL_|EPROTO|HPE_)/,
    found: "one side speaks TLS and the other does not",
    advice: "change http:// to https:// in AWS_ENDPOINT_URL_S3, or the other way round",
  },
  {
    codes: /CERT|ISSUER|LEAF_SIGNATURE/,
    found: "the certificate of the server is not trusted",
    advice: "name the file of its authority in NODE_EXTRA_CA_CERTS, or renew what has expired",
  },
];

/** Something answers, in a way that S3 never does. */
export const NOT_S3: Trouble = {
  found: "what answers is no S3 server",
  advice:
    "AWS_ENDPOINT_URL_S3 is the address of the S3 interface, not of a console or web page (MinIO: port 9000, not 9001)",
};

/** There was an address, and nobody home. */
export const UNREACHABLE: Trouble = {
  found: "the server does not answer",
  advice: "check AWS_ENDPOINT_URL_S3, firewall and proxy (HTTPS_PROXY, NO_PROXY), and try again",
};

/** All of them, in the order of the document. */
export const TROUBLES: readonly Trouble[] = [...ROWS, NOT_S3, UNREACHABLE];

/** @param code S3's own, or that of the network. */
export function findTrouble(code: string): Trouble | undefined {
  return ROWS.find(({ codes }) => codes.test(code));
}
