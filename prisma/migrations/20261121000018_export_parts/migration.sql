-- An exported file is its parts in order of their offsets. A part names the versions of records that its lines are of, which
-- are read when it is downloaded, and keeps the bytes of the other lines.
CREATE TABLE "export_part" (
    "job_id" TEXT COLLATE "C" NOT NULL,
    "type" TEXT COLLATE "C" NOT NULL,
    "number" INTEGER NOT NULL,
    "offset" BIGINT NOT NULL,
    -- Of its lines, each with its end.
    "bytes" INTEGER NOT NULL,
    -- A line each, NULL where the line is kept; no array where all of them are.
    "ids" TEXT[] COLLATE "C",
    "versions" BIGINT[],
    "kept" BYTEA,
    -- Of whom the records are: a line for each member with the ids of its records.
    "targets" TEXT,
    CONSTRAINT "export_part_pkey" PRIMARY KEY ("job_id", "type", "number", "offset")
);
-- Written once and read once or twice: to compress them costs more than all else that is done with them.
ALTER TABLE "export_part" ALTER COLUMN "ids" SET STORAGE EXTERNAL, ALTER COLUMN "versions" SET STORAGE EXTERNAL,
    ALTER COLUMN "kept" SET STORAGE EXTERNAL, ALTER COLUMN "targets" SET STORAGE EXTERNAL;

-- Files that are there already keep their bytes.
INSERT INTO "export_part" ("job_id", "type", "number", "offset", "bytes", "kept")
SELECT f."job_id", f."type", f."number", b."offset", octet_length(b."bytes"), b."bytes"
FROM "export_file" f JOIN "blob_chunk" b ON b."blob_id" = 'export/' || f."job_id" || '/' || f."type" || '/' || f."number";
DELETE FROM "blob_chunk" WHERE "blob_id" > 'export/' AND "blob_id" < 'export0';

-- Of what a file is made of, not of its bytes.
ALTER TABLE "export_file" RENAME COLUMN "sha256" TO "digest";

-- What was half written is not gone on with: its partner asks anew.
UPDATE "export_job" SET "state" = 'failed', "expires_at" = now() + interval '1 day' WHERE "state" = 'running';
