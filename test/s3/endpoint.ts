/** An S3 service that a test may talk to: the project's own strict server, or a radosgw. */
export interface S3Endpoint {
  /** `http://127.0.0.1:PORT`, for path style. */
  readonly endpoint: string;
  readonly region: string;
  readonly accessKeyId: string;
  readonly secretAccessKey: string;
  /** Make a bucket, under a name of its own unless one is given. @returns Its name. */
  makeBucket(name?: string): Promise<string>;
  stop(): Promise<void>;
}
