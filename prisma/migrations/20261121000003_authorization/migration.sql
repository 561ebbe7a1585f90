-- Partners (the servers that we reach, the clients that reach us) and what the authorization server keeps.

CREATE TABLE "oidc_server" (
    "pid" SERIAL NOT NULL,
    -- The issuer without a trailing slash.
    "issuer_key" TEXT NOT NULL,
    -- All but the secrets.
    "definition" JSONB NOT NULL,
    -- Encrypted JSON: client secret, private key, introspection secret.
    "secrets" BYTEA NOT NULL,
    "created_at" TIMESTAMPTZ(3) NOT NULL DEFAULT CURRENT_TIMESTAMP,
    "updated_at" TIMESTAMPTZ(3) NOT NULL DEFAULT CURRENT_TIMESTAMP,
    CONSTRAINT "oidc_server_pkey" PRIMARY KEY ("pid")
);
CREATE UNIQUE INDEX "oidc_server_issuer_key_key" ON "oidc_server"("issuer_key");

CREATE TABLE "oidc_client" (
    "pid" SERIAL NOT NULL,
    "client_id" TEXT NOT NULL,
    -- All but the secret.
    "definition" JSONB NOT NULL,
    -- Encrypted JSON: client secret.
    "secrets" BYTEA NOT NULL,
    "created_at" TIMESTAMPTZ(3) NOT NULL DEFAULT CURRENT_TIMESTAMP,
    "updated_at" TIMESTAMPTZ(3) NOT NULL DEFAULT CURRENT_TIMESTAMP,
    CONSTRAINT "oidc_client_pkey" PRIMARY KEY ("pid")
);
CREATE UNIQUE INDEX "oidc_client_client_id_key" ON "oidc_client"("client_id");

-- Tokens that responding payers gave us, encrypted.
CREATE TABLE "cached_token" (
    "key" TEXT NOT NULL,
    "token" BYTEA NOT NULL,
    "expires_at" TIMESTAMPTZ(3) NOT NULL,
    CONSTRAINT "cached_token_pkey" PRIMARY KEY ("key")
);
CREATE INDEX "cached_token_expires_at_idx" ON "cached_token"("expires_at");

-- What our own access tokens are signed with: the newest key signs, all of them are published.
CREATE TABLE "signing_key" (
    "kid" TEXT NOT NULL,
    -- Encrypted JWK.
    "private_jwk" BYTEA NOT NULL,
    "created_at" TIMESTAMPTZ(3) NOT NULL DEFAULT CURRENT_TIMESTAMP,
    CONSTRAINT "signing_key_pkey" PRIMARY KEY ("kid")
);

-- Client assertions that were accepted; the key is the hash of client and jti. Kept until they have expired anyway.
CREATE TABLE "used_assertion" (
    "key" TEXT NOT NULL,
    "expires_at" TIMESTAMPTZ(3) NOT NULL,
    CONSTRAINT "used_assertion_pkey" PRIMARY KEY ("key")
);
CREATE INDEX "used_assertion_expires_at_idx" ON "used_assertion"("expires_at");
