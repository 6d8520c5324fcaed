/** A problem with an S3 storage, and what to do about it. docs/s3.md has the same table. */
export interface Diagnosis {
  readonly problem: string;
  readonly advice: string;
}

/** The clocks differ by more than signatures tolerate. */
export const CLOCK_SKEW: Diagnosis = {
  problem: "this machine's clock and the server's differ",
  advice: "set the clock of this machine: timedatectl set-ntp true",
};

export const WRONG_REGION: Diagnosis = {
  problem: "the bucket is in another region",
  advice: "set AWS_REGION to the region of the bucket",
};

type Row = Diagnosis & { readonly codes: RegExp };

/** By S3's error code, or by the network's where there was no response. The first match counts. */
const ROWS: readonly Row[] = [
  {
    codes: /^NoSuchBucket$/,
    problem: "the bucket does not exist",
    advice:
      "create it, or correct AWS_S3_BUCKET; if it does exist, AWS_ENDPOINT_URL_S3 or the keys are those of another service",
  },
  {
    codes: /^(InvalidAccessKeyId|InvalidSecurity)$/,
    problem: "the server does not know the key id",
    advice:
      "correct AWS_ACCESS_KEY_ID or AWS_PROFILE; keys work only with the service that issued them, so check AWS_ENDPOINT_URL_S3 too",
  },
  {
    codes: /^SignatureDoesNotMatch$/,
    problem: "the secret does not belong to the key id",
    advice: "copy AWS_SECRET_ACCESS_KEY again, complete and without quotes",
  },
  {
    codes: /^(ExpiredToken|InvalidToken|TokenRefreshRequired)$/,
    problem: "the session token is expired or belongs to other keys",
    advice:
      "get new keys: AWS_ACCESS_KEY_ID, AWS_SECRET_ACCESS_KEY and AWS_SESSION_TOKEN change together; long-lived keys have no token",
  },
  { codes: /^(RequestTimeTooSkewed|RequestExpired)$/, ...CLOCK_SKEW },
  {
    codes:
      /^(AuthorizationHeaderMalformed|IllegalLocationConstraintException|(Permanent|Temporary)?Redirect)$/,
    ...WRONG_REGION,
  },
  {
    codes: /^(KMS\.|KMS)/,
    problem: "the KMS key cannot be used",
    advice:
      "correct AWS_S3_SSE_KMS_KEY_ID, and check that the key is enabled and in the bucket's region",
  },
  {
    codes: /^(InvalidStorageClass|NotImplemented|InvalidArgument|InvalidEncryptionAlgorithmError)$/,
    problem: "the server does not support a requested option",
    advice: "unset AWS_S3_STORAGE_CLASS, and set AWS_S3_SSE=none",
  },
  {
    codes: /^(AccessDenied|AllAccessDisabled|AccountProblem)$/,
    problem: "access is denied",
    advice: "allow it in the policy of these keys, and look for a bucket policy that denies it",
  },
  {
    codes: /^(ENOTFOUND|EAI_|ENODATA)/,
    problem: "the server's name is not known to DNS",
    advice:
      "correct AWS_ENDPOINT_URL_S3 or AWS_REGION; for a server without virtual-hosted buckets, set AWS_S3_FORCE_PATH_STYLE=true",
  },
  {
    codes: /^ECONNREFUSED$/,
    problem: "nothing listens at the server's address",
    advice: "start the server, or correct host and port of AWS_ENDPOINT_URL_S3",
  },
  {
    codes: /ALTNAME|HOSTNAME_MISMATCH/,
    problem: "the certificate is for another host name",
    advice: "correct AWS_ENDPOINT_URL_S3, or set AWS_S3_FORCE_PATH_STYLE=true",
  },
  {
    codes: /^(ERR_SSL_|EPROTO|HPE_)/,
    problem: "one side speaks TLS and the other does not",
    advice: "change http:// to https:// in AWS_ENDPOINT_URL_S3, or the other way round",
  },
  {
    codes: /CERT|ISSUER|LEAF_SIGNATURE/,
    problem: "the certificate of the server is not trusted",
    advice:
      "set NODE_EXTRA_CA_CERTS to the file of its certificate authority, or renew the certificate if it expired",
  },
];

/** Something responds, but not as S3 does. */
export const NOT_S3: Diagnosis = {
  problem: "the server is not an S3 server",
  advice:
    "AWS_ENDPOINT_URL_S3 is the address of the S3 interface, not of a console or web page (MinIO: port 9000, not 9001)",
};

/** The address was found, but nothing responds. */
export const UNREACHABLE: Diagnosis = {
  problem: "the server does not answer",
  advice: "check AWS_ENDPOINT_URL_S3, firewall and proxy (HTTPS_PROXY, NO_PROXY), and try again",
};

/** All diagnoses, in the order of docs/s3.md. */
export const DIAGNOSES: readonly Diagnosis[] = [...ROWS, NOT_S3, UNREACHABLE];

/** @param code S3's error code, or the network's. */
export function findDiagnosis(code: string): Diagnosis | undefined {
  return ROWS.find(({ codes }) => codes.test(code));
}
