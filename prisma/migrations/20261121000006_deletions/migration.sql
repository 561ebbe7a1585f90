-- What became of the deletions that a responding payer lists: removed, kept all the same, never here.
ALTER TABLE "exchange_count" ADD COLUMN "deleted" INTEGER NOT NULL DEFAULT 0;
ALTER TABLE "exchange_count" ADD COLUMN "deletions_kept" INTEGER NOT NULL DEFAULT 0;
ALTER TABLE "exchange_count" ADD COLUMN "deletions_unknown" INTEGER NOT NULL DEFAULT 0;

-- The few tombstones of a publication are looked at once more when it is published.
CREATE INDEX "resource_deleted_idx" ON "resource"("publication_id") WHERE "deleted";

-- Which exchanges brought a shared record.
CREATE INDEX "unchanged_resource_type_id_idx" ON "unchanged_resource"("type", "id");
