-- Exports that answer at once, page by page, and what was learned of a payer.

ALTER TABLE "exchange" ADD COLUMN "kicked_off_at" TIMESTAMPTZ(3);
-- How far the pages of a synchronous export have been read: encrypted JSON, for its links name the member.
ALTER TABLE "exchange" ADD COLUMN "collection" BYTEA;

-- All bytes of the file are here, in the form in which they came.
ALTER TABLE "exchange_file" ADD COLUMN "received" BOOLEAN NOT NULL DEFAULT false;

CREATE TABLE "payer_knowledge" (
    "payer_pid" INTEGER NOT NULL,
    -- Of the definition that it was learned under: what another endpoint can do is not known.
    "endpoint" TEXT NOT NULL,
    "knowledge" JSONB NOT NULL DEFAULT '{}',
    "updated_at" TIMESTAMPTZ(3) NOT NULL DEFAULT CURRENT_TIMESTAMP,
    CONSTRAINT "payer_knowledge_pkey" PRIMARY KEY ("payer_pid", "endpoint")
);

-- What delivered records point to, until the import knows which of it was delivered; the rest is fetched.
CREATE TABLE "wanted_reference" (
    "exchange_id" TEXT NOT NULL,
    "type" TEXT COLLATE "C" NOT NULL,
    "original_id" TEXT COLLATE "C" NOT NULL,
    -- Of an attachment that is no FHIR resource there; its original id is made of this.
    "url" TEXT,
    "content_type" TEXT,
    -- Asked for; what was given stands in a file of the exchange.
    "tried" BOOLEAN NOT NULL DEFAULT false,
    CONSTRAINT "wanted_reference_pkey" PRIMARY KEY ("exchange_id", "type", "original_id")
);
