-- A Provenance that names very many records keeps none of their ids: they stand on pages already. How long it is must be known
-- all the same: so a page tells beside the row of each record how long its id is, and a run how long all of its ids are.
ALTER TABLE "export_part" ADD COLUMN "counts" INTEGER[], ADD COLUMN "id_bytes" INTEGER[], ADD COLUMN "types" TEXT[] COLLATE "C";
ALTER TABLE "export_part" ALTER COLUMN "counts" SET STORAGE EXTERNAL, ALTER COLUMN "id_bytes" SET STORAGE EXTERNAL,
    ALTER COLUMN "types" SET STORAGE EXTERNAL;
COMMENT ON COLUMN "export_part"."types" IS 'Where the kept lines name the records of each run, in the place of a character RS: of which type they are. NULL: the runs are lines.';

UPDATE "record_page" SET "records" = (
    SELECT string_agg(
        int4send(get_byte("records", 16 * i.n::int - 13) | (octet_length(i."id") << 8)) || substr("records", 16 * i.n::int - 11, 12),
        '' ORDER BY i.n
    ) FROM unnest(string_to_array("ids", ' ')) WITH ORDINALITY AS i("id", n)
);

-- Half written by a program that tells less of runs: its partner asks anew.
UPDATE "export_job" SET "state" = 'failed', "expires_at" = now() + interval '1 day' WHERE "state" = 'running';
