import { createServer, type IncomingMessage, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import { type CryptoKey, exportJWK, generateKeyPair, type JWK } from "jose";

/** A key as its publisher has it. */
export interface SigningKey {
  readonly alg: string;
  readonly privateKey: CryptoKey;
  readonly jwk: JWK;
}

export async function newSigningKey(alg: string, kid?: string): Promise<SigningKey> {
  const { publicKey, privateKey } = await generateKeyPair(alg, { extractable: true });
  return { alg, privateKey, jwk: { ...(await exportJWK(publicKey)), ...(kid && { kid }) } };
}

type Answer = (request: IncomingMessage, response: ServerResponse) => void;

/** A key set on a loopback port, which can fall sick. */
export async function startJwksServer() {
  let keys: readonly JWK[] = [];
  let sick: Answer | null = null;
  let requests = 0;
  const server = createServer((request, response) => {
    requests += 1;
    if (sick !== null) return sick(request, response);
    response.setHeader("content-type", "application/json").end(JSON.stringify({ keys }));
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const { port } = server.address() as AddressInfo;
  return {
    url: `http://127.0.0.1:${port}/jwks`,
    requests: () => requests,
    publish(...jwks: JWK[]) {
      keys = jwks;
      sick = null;
    },
    fallSick(answer: Answer) {
      sick = answer;
    },
    close() {
      server.closeAllConnections();
      return new Promise((resolve) => server.close(resolve));
    },
  };
}
