-- Exchanges that are repeated on a schedule. Rows are the truth; the schedules in Temporal are made after them.

CREATE TABLE "repetition" (
    -- The Task of the first exchange, whose request is repeated.
    "task_id" TEXT NOT NULL,
    -- One of the two is above zero.
    "every_months" INTEGER NOT NULL,
    "every_days" INTEGER NOT NULL,
    "until" TIMESTAMPTZ(3),
    -- When this schedule was asked for: repetitions count from here.
    "created_at" TIMESTAMPTZ(3) NOT NULL DEFAULT CURRENT_TIMESTAMP,
    "ended_at" TIMESTAMPTZ(3),
    -- Grows with every change; the schedule in Temporal is as the row was at the settled one.
    "version" INTEGER NOT NULL DEFAULT 1,
    "settled_version" INTEGER NOT NULL DEFAULT 0,
    CONSTRAINT "repetition_pkey" PRIMARY KEY ("task_id")
);
CREATE INDEX "repetition_unsettled_idx" ON "repetition"("created_at") WHERE "settled_version" < "version";
CREATE INDEX "repetition_until_idx" ON "repetition"("until") WHERE "ended_at" IS NULL;

-- The first Task of a repeated exchange, on the Tasks of its repetitions.
ALTER TABLE "task" ADD COLUMN "based_on" TEXT;
CREATE INDEX "task_based_on_idx" ON "task"("based_on");
