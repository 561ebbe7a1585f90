-- Where the kept bytes of a file lie: as they came, in their Content-Encoding, unless something had to be taken out.
ALTER TABLE "exchange_file" ADD COLUMN "kept_blob" TEXT;
ALTER TABLE "exchange_file" ADD COLUMN "kept_encoding" TEXT;
UPDATE "exchange_file" SET "kept_blob" = 'exchange/' || "exchange_id" || '/' || "number" || '/kept' WHERE "kept_bytes" IS NOT NULL;

-- What a line points to and nothing had brought when the line was imported. It is looked at again before the publication.
CREATE TABLE "open_target" (
    "exchange_id" TEXT COLLATE "C" NOT NULL,
    "type" TEXT COLLATE "C" NOT NULL,
    "original_id" TEXT COLLATE "C" NOT NULL,
    "file" INTEGER NOT NULL,
    "line" INTEGER NOT NULL,
    -- The id that the target has here; null until a search by identifier is answered.
    "local_id" TEXT COLLATE "C",
    -- Of an attachment that is no FHIR resource there, or the search (Type?identifier=…).
    "url" TEXT,
    "content_type" TEXT,
    -- The payer was asked for it.
    "tried" BOOLEAN NOT NULL DEFAULT false,
    CONSTRAINT "open_target_pkey" PRIMARY KEY ("exchange_id", "type", "original_id", "file", "line")
);

-- The staged records themselves say what was delivered.
DROP TABLE "delivered_resource";
DROP TABLE "delivered_identifier";
DROP TABLE "wanted_reference";
