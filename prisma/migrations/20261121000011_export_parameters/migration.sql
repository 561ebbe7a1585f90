-- What an export is of besides members that are named, what else was asked, and whom it came down to.

-- members, matched, group, patients, system
ALTER TABLE "export_job" ADD COLUMN "scope" TEXT NOT NULL DEFAULT 'members';
ALTER TABLE "export_job" ADD COLUMN "group_id" TEXT;
-- Sealed JSON: a filter may name a member.
ALTER TABLE "export_job" ADD COLUMN "parameters" BYTEA;

-- output, error or deleted: the list of the manifest.
ALTER TABLE "export_file" ADD COLUMN "list" TEXT NOT NULL DEFAULT 'output';
-- A file remembers whose it is by its consents; of an operator's nobody asks.
ALTER TABLE "export_file" DROP COLUMN "patient_ids";

-- The members of an export as of its instant: the compartments of each. Rows, and no array: they may be all there are.
CREATE TABLE "export_member" (
    "job_id" TEXT NOT NULL,
    "member_id" TEXT COLLATE "C" NOT NULL,
    "patient_id" TEXT COLLATE "C" NOT NULL,
    CONSTRAINT "export_member_pkey" PRIMARY KEY ("job_id", "patient_id")
);
CREATE INDEX "export_member_job_id_member_id_idx" ON "export_member"("job_id", "member_id", "patient_id");

-- How many references away from a member's record it was found.
ALTER TABLE "export_reference" ADD COLUMN "depth" INTEGER NOT NULL DEFAULT 0;
CREATE INDEX "export_reference_job_id_depth_idx" ON "export_reference"("job_id", "depth", "type", "id");
