-- Under which consents a file was written, what an export withheld, why it ended; its request sealed.

ALTER TABLE "member_match" ADD COLUMN "consent_sha256" TEXT;
CREATE INDEX "member_match_patient_id_idx" ON "member_match"("patient_id");

-- Sealed: a URL may name a member. Of exports that were asked for before nothing is kept of it.
ALTER TABLE "export_job" DROP COLUMN "request_url";
ALTER TABLE "export_job" ADD COLUMN "request" BYTEA;
ALTER TABLE "export_job" ADD COLUMN "reason" TEXT;
-- Counts by type and reason, for the operator alone.
ALTER TABLE "export_job" ADD COLUMN "withheld" JSONB NOT NULL DEFAULT '{}';

-- [{ patientId, policy, consentSha256 }]: a file that was written under a wider consent is closed by a narrower one.
ALTER TABLE "export_file" ADD COLUMN "consents" JSONB NOT NULL DEFAULT '[]';
-- Of files that were written before, it is not known under which: their members' consents for everything.
UPDATE "export_file" f SET "consents" = (
    SELECT COALESCE(jsonb_agg(jsonb_build_object('patientId', p.id, 'policy', 'sensitive')), '[]'::jsonb)
    FROM "export_job" j, unnest(j."patient_ids") AS p(id)
    WHERE j."id" = f."job_id" AND NOT j."is_operator"
);
