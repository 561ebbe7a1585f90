-- The responding payer's bookkeeping: matches with their consents, failed matches, export jobs and their files.

CREATE TABLE "member_match" (
    "id" TEXT NOT NULL,
    "client_id" TEXT NOT NULL,
    "patient_id" TEXT NOT NULL,
    -- Sealed: the Consent as posted, and the coverage to link.
    "consent" BYTEA NOT NULL,
    "coverage_to_link" BYTEA,
    "policy" TEXT NOT NULL,
    "period_start" TIMESTAMPTZ(3),
    "period_end" TIMESTAMPTZ(3),
    "withdrawn_at" TIMESTAMPTZ(3),
    "matched_at" TIMESTAMPTZ(3) NOT NULL DEFAULT CURRENT_TIMESTAMP,
    CONSTRAINT "member_match_pkey" PRIMARY KEY ("id")
);
-- The newest consent of a partner for a member replaces the one before.
CREATE UNIQUE INDEX "member_match_client_id_patient_id_key" ON "member_match"("client_id", "patient_id");

CREATE TABLE "match_failure" (
    "client_id" TEXT NOT NULL,
    -- Of the demographics, so that no name is kept of somebody who is no member.
    "demographics_hash" TEXT NOT NULL,
    "hour" TIMESTAMPTZ(3) NOT NULL,
    "failures" INTEGER NOT NULL DEFAULT 0,
    CONSTRAINT "match_failure_pkey" PRIMARY KEY ("client_id", "demographics_hash", "hour")
);

CREATE TABLE "export_job" (
    "id" TEXT NOT NULL,
    "client_id" TEXT NOT NULL,
    "is_operator" BOOLEAN NOT NULL DEFAULT false,
    "request_url" TEXT NOT NULL,
    "patient_ids" TEXT[] NOT NULL,
    "types" TEXT[],
    "since" TIMESTAMPTZ(3),
    "origin" TEXT NOT NULL DEFAULT 'all',
    -- accepted, running, complete, failed, deleted
    "state" TEXT NOT NULL DEFAULT 'accepted',
    "progress" TEXT,
    "transaction_time" TIMESTAMPTZ(3),
    "expires_at" TIMESTAMPTZ(3),
    "created_at" TIMESTAMPTZ(3) NOT NULL DEFAULT CURRENT_TIMESTAMP,
    CONSTRAINT "export_job_pkey" PRIMARY KEY ("id")
);
CREATE INDEX "export_job_client_id_state_idx" ON "export_job"("client_id", "state");
CREATE INDEX "export_job_expires_at_idx" ON "export_job"("expires_at");

CREATE TABLE "export_file" (
    "job_id" TEXT NOT NULL,
    "type" TEXT NOT NULL,
    "number" INTEGER NOT NULL,
    "count" INTEGER NOT NULL,
    "bytes" BIGINT NOT NULL,
    "sha256" TEXT NOT NULL,
    -- Whose records are in it: consent is checked again at each download.
    "patient_ids" TEXT[] NOT NULL,
    CONSTRAINT "export_file_pkey" PRIMARY KEY ("job_id", "type", "number")
);

-- Shared resources that the records of a job refer to, found when its scope was frozen.
CREATE TABLE "export_reference" (
    "job_id" TEXT NOT NULL,
    "type" TEXT NOT NULL,
    "id" TEXT NOT NULL,
    CONSTRAINT "export_reference_pkey" PRIMARY KEY ("job_id", "type", "id")
);
