/**
 * All examples show one small file of one tenant. Tests compare the values with real responses.
 */
export const EXAMPLE_TEXT = "Ada Lovelace\nAnalyst of engines, London\n";
export const EXAMPLE_ID = "01a20ce4-05c0-7a5e-8c3b-6f1d2e4a9b70";
export const EXAMPLE_SHA256 = "0405270ef4959b0f4f31f536198924b5be9ed2e109ca0fb7df18dedd9f62d23d";
export const EXAMPLE_DIGEST = "sha-256=:BAUnDvSVmw9PMfU2GYkktb6e0uEJyg+33xje3Z9i0j0=:";
export const EXAMPLE_MD5 = "KTQMQCorASCzDPs4i85wzA==";
export const EXAMPLE_REQUEST_ID = "job-4711";
/** When it was uploaded. */
export const EXAMPLE_TIME = "2026-11-24T09:30:00.000Z";
