-- What was seen of a version when it was written, so that an export need not read its text: words and years by which a rule
-- of disclosure may touch it, and the shared resources that it refers to. NULL: never looked at, as those of before.
ALTER TABLE "resource" ADD COLUMN "marks" INTEGER;
ALTER TABLE "resource" ADD COLUMN "shared_references" TEXT;
