-- A part of an exported file names its versions by runs: records of one compartment and one publication, which lie side by
-- side in the index by compartment and are read in its order. The kept lines stand behind them.
ALTER TABLE "export_part" ADD COLUMN "members" TEXT[] COLLATE "C", ADD COLUMN "patients" TEXT[] COLLATE "C";
ALTER TABLE "export_part" ALTER COLUMN "members" SET STORAGE EXTERNAL, ALTER COLUMN "patients" SET STORAGE EXTERNAL;
COMMENT ON COLUMN "export_part"."ids" IS 'Of each run, with a space between two.';
COMMENT ON COLUMN "export_part"."patients" IS 'The compartment of each run; NULL where they are of any.';

-- Lines of before are runs of one. Where lines were kept between them their order is another one, so the files are others.
UPDATE "export_part" SET
    "patients" = array_fill(NULL::text, ARRAY[cardinality(r."ids")]), "members" = array_fill(NULL::text, ARRAY[cardinality(r."ids")]),
    "ids" = r."ids", "versions" = r."versions"
FROM (
    SELECT e."job_id", e."type", e."number", e."offset", array_agg(k."id") AS "ids", array_agg(k."version") AS "versions"
    FROM "export_part" e CROSS JOIN LATERAL unnest(e."ids", e."versions") AS k("id", "version")
    WHERE k."id" IS NOT NULL GROUP BY 1, 2, 3, 4
) r
WHERE ("export_part"."job_id", "export_part"."type", "export_part"."number", "export_part"."offset")
    = (r."job_id", r."type", r."number", r."offset");
UPDATE "export_file" SET "digest" = encode(sha256(convert_to("digest", 'UTF8')), 'hex');

-- What was half written is not gone on with: its partner asks anew.
UPDATE "export_job" SET "state" = 'failed', "expires_at" = now() + interval '1 day' WHERE "state" = 'running';
