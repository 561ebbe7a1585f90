-- The requesting payer's bookkeeping: exchanges, their Tasks, files and counts.

CREATE TABLE "exchange" (
    -- The id of its Task.
    "id" TEXT NOT NULL,
    "payer_pid" INTEGER NOT NULL,
    "organization_id" TEXT NOT NULL,
    "local_patient_id" TEXT NOT NULL,
    "fingerprint" TEXT NOT NULL,
    "active" BOOLEAN NOT NULL DEFAULT true,
    -- Encrypted JSON of what was posted.
    "request" BYTEA NOT NULL,
    "warnings" JSONB NOT NULL DEFAULT '[]',
    "member_patient_id" TEXT,
    "status_url" TEXT,
    "kick_off_intent" BOOLEAN NOT NULL DEFAULT false,
    "kick_off_form" TEXT,
    "transaction_time" TIMESTAMPTZ(3),
    "requires_access_token" BOOLEAN,
    "imported_patient_id" TEXT,
    "published_at" TIMESTAMPTZ(3),
    -- Encrypted: the detail of our own error and what the peer said when it refused; for the operator.
    "failure_detail" BYTEA,
    "peer_outcome" BYTEA,
    "created_at" TIMESTAMPTZ(3) NOT NULL DEFAULT CURRENT_TIMESTAMP,
    "ended_at" TIMESTAMPTZ(3),
    CONSTRAINT "exchange_pkey" PRIMARY KEY ("id")
);
-- The same request again while it runs finds the row that runs.
CREATE UNIQUE INDEX "exchange_active_fingerprint_key" ON "exchange"("fingerprint") WHERE "active";
CREATE INDEX "exchange_local_patient_id_idx" ON "exchange"("local_patient_id");
CREATE INDEX "exchange_active_idx" ON "exchange"("active", "created_at");

CREATE TABLE "task" (
    "id" TEXT NOT NULL,
    "code" TEXT NOT NULL,
    "status" TEXT NOT NULL,
    "business_status" TEXT NOT NULL,
    "reason" TEXT,
    "patient_id" TEXT NOT NULL,
    "owner_id" TEXT,
    "output" JSONB NOT NULL DEFAULT '[]',
    "version" INTEGER NOT NULL DEFAULT 1,
    -- When the server scheduled the step that wrote last: a late retry of an older one cannot overwrite it, in whatever run.
    "ordered_at" TIMESTAMPTZ(3),
    "authored_on" TIMESTAMPTZ(3) NOT NULL DEFAULT CURRENT_TIMESTAMP,
    "last_modified" TIMESTAMPTZ(3) NOT NULL DEFAULT CURRENT_TIMESTAMP,
    CONSTRAINT "task_pkey" PRIMARY KEY ("id")
);
CREATE INDEX "task_last_modified_idx" ON "task"("last_modified");
CREATE INDEX "task_patient_id_idx" ON "task"("patient_id");

-- A lease of a running exchange: bounds the exchanges per payer, and makes those of one payer and member take turns.
CREATE TABLE "slot" (
    "exchange_id" TEXT NOT NULL,
    "payer_pid" INTEGER NOT NULL,
    "local_patient_id" TEXT NOT NULL,
    "taken_at" TIMESTAMPTZ(3) NOT NULL DEFAULT CURRENT_TIMESTAMP,
    CONSTRAINT "slot_pkey" PRIMARY KEY ("exchange_id")
);
CREATE UNIQUE INDEX "slot_payer_pid_local_patient_id_key" ON "slot"("payer_pid", "local_patient_id");

CREATE TABLE "exchange_file" (
    "exchange_id" TEXT NOT NULL,
    "number" INTEGER NOT NULL,
    -- output, error or deleted: the list of the manifest that it stands in.
    "list" TEXT NOT NULL,
    "type" TEXT,
    "url" TEXT NOT NULL,
    "announced_count" INTEGER,
    "etag" TEXT,
    "content_encoding" TEXT,
    "downloaded" BOOLEAN NOT NULL DEFAULT false,
    -- Of the decoded bytes as received, and of what is kept of them.
    "sha256" TEXT,
    "kept_sha1" TEXT,
    "kept_bytes" BIGINT,
    -- Id of the Binary under which the kept bytes are read.
    "binary_id" TEXT,
    "lines" INTEGER NOT NULL DEFAULT 0,
    "imported_line" INTEGER NOT NULL DEFAULT 0,
    "imported_offset" BIGINT NOT NULL DEFAULT 0,
    "imported" BOOLEAN NOT NULL DEFAULT false,
    CONSTRAINT "exchange_file_pkey" PRIMARY KEY ("exchange_id", "number")
);
CREATE UNIQUE INDEX "exchange_file_binary_id_key" ON "exchange_file"("binary_id");

CREATE TABLE "delivered_resource" (
    "exchange_id" TEXT NOT NULL,
    "type" TEXT NOT NULL,
    "original_id" TEXT NOT NULL,
    CONSTRAINT "delivered_resource_pkey" PRIMARY KEY ("exchange_id", "type", "original_id")
);

CREATE TABLE "delivered_identifier" (
    "exchange_id" TEXT NOT NULL,
    "type" TEXT NOT NULL,
    "system" TEXT NOT NULL,
    "value" TEXT NOT NULL,
    "original_id" TEXT NOT NULL
);
CREATE UNIQUE INDEX "delivered_identifier_key" ON "delivered_identifier"("exchange_id", "value", "type", "system", "original_id");

CREATE TABLE "exchange_count" (
    "exchange_id" TEXT NOT NULL,
    "type" TEXT NOT NULL,
    "received" INTEGER NOT NULL DEFAULT 0,
    "new" INTEGER NOT NULL DEFAULT 0,
    "updated" INTEGER NOT NULL DEFAULT 0,
    "unchanged" INTEGER NOT NULL DEFAULT 0,
    "refused" INTEGER NOT NULL DEFAULT 0,
    CONSTRAINT "exchange_count_pkey" PRIMARY KEY ("exchange_id", "type")
);

CREATE TABLE "refused_line" (
    "exchange_id" TEXT NOT NULL,
    "file" INTEGER NOT NULL,
    "line" INTEGER NOT NULL,
    "reason" TEXT NOT NULL,
    CONSTRAINT "refused_line_pkey" PRIMARY KEY ("exchange_id", "file", "line")
);

-- References that nothing delivered answers, by type of the target; the originals stay in the records.
CREATE TABLE "open_reference" (
    "exchange_id" TEXT NOT NULL,
    "type" TEXT NOT NULL,
    "references" INTEGER NOT NULL,
    CONSTRAINT "open_reference_pkey" PRIMARY KEY ("exchange_id", "type")
);
