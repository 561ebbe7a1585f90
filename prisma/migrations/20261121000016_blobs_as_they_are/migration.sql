-- Kept and exported bytes are read and written as they are: most are compressed already, and Postgres's own compression
-- costs more than all else that is done with them.
ALTER TABLE "blob_chunk" ALTER COLUMN "bytes" SET STORAGE EXTERNAL;
