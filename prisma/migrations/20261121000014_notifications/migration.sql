-- Subscriptions on Task, and what is to be told of a Task: written with its new version, delivered by a run.

-- A Task that somebody posted, as it was posted (sealed: it names the member), the client that did, its identifier there.
ALTER TABLE "task" ADD COLUMN "posted" BYTEA;
ALTER TABLE "task" ADD COLUMN "posted_by" TEXT;
ALTER TABLE "task" ADD COLUMN "identifier" TEXT;
CREATE UNIQUE INDEX "task_identifier_key" ON "task"("identifier");
CREATE INDEX "task_posted_by_idx" ON "task"("posted_by") WHERE "posted_by" IS NOT NULL;

CREATE TABLE "subscription" (
    "id" TEXT NOT NULL,
    "version" INTEGER NOT NULL DEFAULT 1,
    -- active, error or off.
    "status" TEXT NOT NULL,
    "criteria" TEXT NOT NULL,
    -- Events carry the Task.
    "has_payload" BOOLEAN NOT NULL,
    "end_at" TIMESTAMPTZ(3),
    -- As it was posted (sealed: headers hold secrets).
    "resource" BYTEA NOT NULL,
    "updated_at" TIMESTAMPTZ(3) NOT NULL DEFAULT CURRENT_TIMESTAMP,
    CONSTRAINT "subscription_pkey" PRIMARY KEY ("id")
);

CREATE TABLE "notification" (
    "id" TEXT NOT NULL,
    -- Order in which those of one Task go to one receiver.
    "sequence" BIGSERIAL NOT NULL,
    "task_id" TEXT NOT NULL,
    "task_version" INTEGER NOT NULL,
    -- rest-hook or mail.
    "channel" TEXT NOT NULL,
    -- Id of the Subscription, or which receiver of mail.
    "receiver" TEXT NOT NULL,
    -- What is sent (sealed); taken away when it has been delivered.
    "content" BYTEA,
    -- pending, delivered or failed.
    "state" TEXT NOT NULL DEFAULT 'pending',
    "attempts" INTEGER NOT NULL DEFAULT 0,
    -- Of the last try that failed: our code, and the status that the receiver answered.
    "code" TEXT,
    "answer" INTEGER,
    "created_at" TIMESTAMPTZ(3) NOT NULL DEFAULT CURRENT_TIMESTAMP,
    "settled_at" TIMESTAMPTZ(3),
    CONSTRAINT "notification_pkey" PRIMARY KEY ("id")
);
CREATE UNIQUE INDEX "notification_event_key" ON "notification"("task_id", "task_version", "channel", "receiver");
CREATE INDEX "notification_state_idx" ON "notification"("state", "sequence");
