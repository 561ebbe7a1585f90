-- Exchanges that a member portal begins: numbers of batch jobs, the portal's tokens, authorization requests under way.

CREATE TABLE "batch_job" (
    "id" SERIAL NOT NULL,
    "task_id" TEXT NOT NULL,
    "payer_pid" INTEGER NOT NULL,
    CONSTRAINT "batch_job_pkey" PRIMARY KEY ("id")
);
CREATE UNIQUE INDEX "batch_job_task_id_key" ON "batch_job"("task_id");

-- One row while the exchange runs; sealed.
CREATE TABLE "portal_token" (
    "exchange_id" TEXT NOT NULL,
    "tokens" BYTEA NOT NULL,
    -- Grows with every change: whoever read an older one changes nothing.
    "version" INTEGER NOT NULL DEFAULT 1,
    -- A process is refreshing them until then: a refresh token is used once.
    "claimed_until" TIMESTAMPTZ(3),
    CONSTRAINT "portal_token_pkey" PRIMARY KEY ("exchange_id")
);

-- By a hash of the state; taken away when the answer comes.
CREATE TABLE "portal_authorization" (
    "key" TEXT NOT NULL,
    "payer_pid" INTEGER NOT NULL,
    "pending" BYTEA NOT NULL,
    "expires_at" TIMESTAMPTZ(3) NOT NULL,
    CONSTRAINT "portal_authorization_pkey" PRIMARY KEY ("key")
);
CREATE INDEX "portal_authorization_expires_at_idx" ON "portal_authorization"("expires_at");

ALTER TABLE "exchange" ADD COLUMN "started_at" TIMESTAMPTZ(3);
ALTER TABLE "exchange" ADD COLUMN "cancel_requested_at" TIMESTAMPTZ(3);
