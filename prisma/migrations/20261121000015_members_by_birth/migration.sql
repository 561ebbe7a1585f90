-- Members are looked up by birth date and family name together: of millions, thousands have the same family name.
-- A birth date that a text holds elsewhere (of a contained resource) finds one candidate too many, which does no harm.
INSERT INTO "resource_name" ("type", "id", "publication_id", "part", "name")
SELECT DISTINCT r."type", r."id", r."publication_id", 'born', left(b.date[1] || COALESCE(' ' || n."name", ''), 200)
FROM "resource" r
CROSS JOIN LATERAL regexp_matches(r."content", '"birthDate"\s*:\s*"(\d{4}-\d\d-\d\d)"', 'g') AS b(date)
LEFT JOIN "resource_name" n
    ON n."type" = r."type" AND n."id" = r."id" AND n."publication_id" = r."publication_id" AND n."part" = 'family'
WHERE r."type" = 'Patient' AND NOT r."deleted";
