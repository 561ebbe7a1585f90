-- What an exchange has staged new or changed: the ids of a batch and type, in one text with spaces between. To read them off
-- "resource", where each lies beside its text, is to read all that came once more, and to write most of it.
CREATE TABLE "staged_ids" (
    "publication_id" BIGINT NOT NULL,
    "type" TEXT COLLATE "C" NOT NULL,
    "ids" TEXT COLLATE "C" NOT NULL
);
CREATE INDEX "staged_ids_publication_id_type_idx" ON "staged_ids"("publication_id", "type");
-- Ids are hashes: there is nothing to compress.
ALTER TABLE "staged_ids" ALTER COLUMN "ids" SET STORAGE EXTERNAL;

-- Of the exchanges that are under way.
INSERT INTO "staged_ids" ("publication_id", "type", "ids")
SELECT r."publication_id", r."type", string_agg(r."id", ' ')
FROM "publication" p JOIN "resource" r ON r."publication_id" = p."id"
WHERE p."exchange_id" IS NOT NULL AND p."published_at" IS NULL AND NOT r."generated" AND NOT r."deleted"
GROUP BY r."publication_id", r."type";
