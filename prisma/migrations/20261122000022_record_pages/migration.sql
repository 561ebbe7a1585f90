-- What was written together of one compartment, type and publication stands on pages of up to 64 records. A page tells what an
-- export has to know of them, so that it does not go through the records; and the records of a page lie side by side.
CREATE SEQUENCE "record_page_id_seq";
CREATE TABLE "record_page" (
    "id" BIGINT NOT NULL,
    "patient_id" TEXT COLLATE "C" NOT NULL,
    "type" TEXT COLLATE "C" NOT NULL,
    "publication_id" BIGINT NOT NULL,
    -- In the order of their rows, with a space between two.
    "ids" TEXT COLLATE "C" NOT NULL,
    -- Of each four integers, as store/record-page.ts has them.
    "records" BYTEA NOT NULL,
    -- The different lists of what goes along with a record, with a line break between two.
    "shared_references" TEXT,
    CONSTRAINT "record_page_pkey" PRIMARY KEY ("id")
) WITH (toast_tuple_target = 8160);
ALTER TABLE "record_page" ALTER COLUMN "ids" SET STORAGE EXTERNAL, ALTER COLUMN "records" SET STORAGE EXTERNAL;
CREATE INDEX "record_page_patient_id_type_publication_id_id_idx" ON "record_page"("patient_id", "type", "publication_id", "id");
CREATE INDEX "record_page_publication_id_idx" ON "record_page"("publication_id");

-- Records that have lain in more than one compartment, or in one and in none, each beside every compartment that has held it:
-- which version of them is the newest one no compartment can tell alone.
CREATE TABLE "moved_record" (
    "patient_id" TEXT COLLATE "C" NOT NULL,
    "type" TEXT COLLATE "C" NOT NULL,
    "id" TEXT COLLATE "C" NOT NULL,
    CONSTRAINT "moved_record_pkey" PRIMARY KEY ("patient_id", "type", "id")
);

ALTER TABLE "resource" ADD COLUMN "page_id" BIGINT, ADD COLUMN "page_row" INTEGER;
-- Marks tell on which day a service ended, where they told the month: of those of before that is not known, unless it lasts.
CREATE FUNCTION pg_temp.marks_by_day(marks INTEGER) RETURNS INTEGER IMMUTABLE LANGUAGE SQL AS
    'SELECT least(marks & 65535, 2047) | (((marks >> 16) & 15) << 11) | CASE WHEN marks >> 20 = 2047 THEN 65535 << 15 ELSE 0 END';
UPDATE "resource" SET "marks" = pg_temp.marks_by_day("marks") WHERE "patient_id" IS NULL AND "marks" IS NOT NULL;
WITH numbered AS (
    SELECT r.ctid AS place, r."patient_id", r."type", r."publication_id",
        row_number() OVER (PARTITION BY r."patient_id", r."type", r."publication_id" ORDER BY r."id") - 1 AS n
    FROM "resource" r WHERE r."patient_id" IS NOT NULL
), page AS MATERIALIZED (
    SELECT k.*, nextval('record_page_id_seq') AS id
    FROM (SELECT DISTINCT "patient_id", "type", "publication_id", n / 64 AS part FROM numbered) k
)
UPDATE "resource" SET "page_id" = page.id, "page_row" = numbered.n % 64, "marks" = pg_temp.marks_by_day("marks")
FROM numbered JOIN page ON (page."patient_id", page."type", page."publication_id", page.part)
    = (numbered."patient_id", numbered."type", numbered."publication_id", numbered.n / 64)
WHERE "resource".ctid = numbered.place;

CREATE INDEX "resource_page_id_page_row_idx" ON "resource"("page_id", "page_row");
ALTER TABLE "resource" ADD CONSTRAINT "resource_on_a_page" CHECK (("page_id" IS NULL) = ("patient_id" IS NULL));

INSERT INTO "record_page" ("id", "patient_id", "type", "publication_id", "ids", "records", "shared_references")
SELECT r."page_id", min(r."patient_id"), min(r."type"), min(r."publication_id"), string_agg(r."id", ' ' ORDER BY r."page_row"),
    string_agg(int4send(r."page_row") || int4send(CASE WHEN r."deleted" OR r."evidence" THEN -1 ELSE coalesce(r."marks", 30720) END)
        || int4send(octet_length(r."content")) || int4send(CASE WHEN r."shared_references" IS NULL THEN 0 ELSE r.list::int END), ''
        ORDER BY r."page_row"),
    string_agg(DISTINCT r."shared_references", E'\n')
FROM (
    SELECT *, dense_rank() OVER (PARTITION BY "page_id" ORDER BY "shared_references" NULLS LAST) AS list
    FROM "resource" WHERE "page_id" IS NOT NULL
) r GROUP BY r."page_id";

WITH moved AS (
    SELECT "type", "id" FROM "resource" GROUP BY "type", "id" HAVING count(DISTINCT coalesce("patient_id", '')) > 1
)
INSERT INTO "moved_record" ("patient_id", "type", "id")
SELECT DISTINCT r."patient_id", r."type", r."id" FROM moved JOIN "resource" r ON r."type" = moved."type" AND r."id" = moved."id"
WHERE r."patient_id" IS NOT NULL;

-- A part of an exported file names rows of pages, or, of what lies on none, ids. Runs of before keep their ids.
ALTER TABLE "export_part" DROP COLUMN "patients";
ALTER TABLE "export_part" ADD COLUMN "pages" BIGINT[];
ALTER TABLE "export_part" ALTER COLUMN "pages" SET STORAGE EXTERNAL;
UPDATE "export_part" SET "pages" = array_fill(NULL::bigint, ARRAY[cardinality("versions")]) WHERE cardinality("versions") > 0;
ALTER TABLE "export_part" RENAME COLUMN "ids" TO "records";
COMMENT ON COLUMN "export_part"."records" IS 'Of each run with a space between two: rows of its page, empty for all of them; without a page, ids.';

-- Half written by a program that knows no pages: its partner asks anew.
UPDATE "export_job" SET "state" = 'failed', "expires_at" = now() + interval '1 day' WHERE "state" = 'running';
