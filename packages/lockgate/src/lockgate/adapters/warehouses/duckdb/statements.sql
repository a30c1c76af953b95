-- name: prepare
CREATE SCHEMA IF NOT EXISTS lockgate;

CREATE TABLE IF NOT EXISTS lockgate.route (
    entity text PRIMARY KEY,
    incumbent text NOT NULL,
    candidate text,
    stage text NOT NULL,
    share smallint NOT NULL CHECK (share BETWEEN 0 AND 10000),
    token bigint NOT NULL
);

CREATE TABLE IF NOT EXISTS lockgate.edition (
    entity text NOT NULL,
    number integer NOT NULL,
    implementation text NOT NULL,
    rows bigint NOT NULL,
    published_at timestamptz NOT NULL,
    pins json NOT NULL,
    served_schema text NOT NULL,
    served_name text NOT NULL,
    kept boolean NOT NULL DEFAULT false,
    PRIMARY KEY (entity, number)
);

-- What is kept of an edition since there are held ones; DuckDB adds no column with a constraint.
ALTER TABLE lockgate.edition ADD COLUMN IF NOT EXISTS is_held boolean DEFAULT false;
ALTER TABLE lockgate.edition ADD COLUMN IF NOT EXISTS bytes bigint DEFAULT 0;
ALTER TABLE lockgate.edition ADD COLUMN IF NOT EXISTS bucket_by text DEFAULT '';
ALTER TABLE lockgate.edition ADD COLUMN IF NOT EXISTS key json;
ALTER TABLE lockgate.edition ADD COLUMN IF NOT EXISTS revision text DEFAULT '';

-- Which editions stand behind the arms of a served view.
CREATE TABLE IF NOT EXISTS lockgate.shown (
    entity text PRIMARY KEY,
    served_schema text NOT NULL,
    served_name text NOT NULL,
    incumbent integer,
    candidate integer
);

CREATE TABLE IF NOT EXISTS lockgate.pin (
    schema text NOT NULL,
    stream text NOT NULL,
    first_load bigint NOT NULL,
    last_load bigint NOT NULL,
    PRIMARY KEY (schema, stream)
);

-- Where the views expect the files.
CREATE TABLE IF NOT EXISTS lockgate.home (single boolean PRIMARY KEY, folder text NOT NULL)

-- name: home
SELECT folder FROM lockgate.home

-- name: is_current
-- Whether `prepare` has been here since the newest column was added.
SELECT count(*) = 1 FROM duckdb_columns()
WHERE database_name = current_database() AND schema_name = 'lockgate' AND table_name = 'edition' AND column_name = 'revision'

-- name: set_home
INSERT OR REPLACE INTO lockgate.home VALUES (true, $folder)

-- name: entities
SELECT DISTINCT entity FROM lockgate.edition

-- name: move_pin
INSERT INTO lockgate.pin (schema, stream, first_load, last_load)
VALUES ($schema, $stream, $first_load, $last_load)
ON CONFLICT DO UPDATE SET first_load = excluded.first_load, last_load = excluded.last_load

-- name: pins
SELECT schema, stream, first_load, last_load FROM lockgate.pin ORDER BY schema, stream

-- name: route
SELECT entity, incumbent, candidate, stage, share, token FROM lockgate.route WHERE entity = $entity

-- name: set_route
INSERT OR REPLACE INTO lockgate.route (entity, incumbent, candidate, stage, share, token)
VALUES ($entity, $incumbent, $candidate, $stage, $share, $token)

-- name: editions
SELECT
    entity, number, implementation, rows, published_at, pins, is_held, bytes, revision,
    bucket_by, key, served_schema, served_name, kept
FROM lockgate.edition
WHERE entity = $entity
ORDER BY number

-- name: next_number
SELECT COALESCE(max(number), 0) + 1 FROM lockgate.edition WHERE entity = $entity

-- name: add_edition
INSERT INTO lockgate.edition (
    entity, number, implementation, rows, published_at, pins, is_held, bytes, revision,
    bucket_by, key, served_schema, served_name
) VALUES (
    $entity, $number, $implementation, $rows, $published_at, $pins, $is_held, $bytes, $revision,
    $bucket_by, $key, $served_schema, $served_name
)

-- name: keep_edition
UPDATE lockgate.edition SET kept = $kept WHERE entity = $entity AND number = $number

-- name: move_edition
UPDATE lockgate.edition SET pins = $pins, revision = $revision, is_held = is_held AND $is_held
WHERE entity = $entity AND number = $number

-- name: release_edition
UPDATE lockgate.edition SET is_held = false WHERE entity = $entity AND number = $number

-- name: forget_edition
DELETE FROM lockgate.edition WHERE entity = $entity AND number = $number

-- name: shown
SELECT served_schema, served_name, incumbent, candidate FROM lockgate.shown WHERE entity = $entity

-- name: set_shown
INSERT OR REPLACE INTO lockgate.shown (entity, served_schema, served_name, incumbent, candidate)
VALUES ($entity, $schema, $name, $incumbent, $candidate)

-- name: create_schema
CREATE SCHEMA IF NOT EXISTS {schema}

-- name: drop_schema
DROP SCHEMA IF EXISTS {schema} CASCADE

-- name: create_view
CREATE OR REPLACE VIEW {view} AS {query}

-- name: drop_view
DROP VIEW IF EXISTS {view}

-- name: one_arm
SELECT {columns} FROM {edition}

-- name: two_arms
SELECT {columns} FROM {incumbent} WHERE _bucket >= {share}
UNION ALL
SELECT {columns} FROM {candidate} WHERE _bucket < {share}

-- name: copy_edition
COPY (SELECT cast_rows.*, CAST({bucket} AS smallint) AS _bucket FROM (SELECT {values} FROM {built}) AS cast_rows)
TO {file} (FORMAT parquet)

-- name: differs
SELECT EXISTS (
    FROM (
        SELECT cast_rows.*, CAST({bucket} AS smallint) AS _bucket FROM (SELECT {values} FROM {built}) AS cast_rows
    ) AS fresh
    FULL JOIN {kept} AS kept ON {paired}
    WHERE {differing}
)

-- name: count_rows
SELECT count(*) FROM {edition}

-- name: count_keys
SELECT count(*) FILTER (WHERE {missing}), (
    SELECT count(*) FROM (
        SELECT {key} FROM {edition} WHERE NOT ({missing}) GROUP BY {key} HAVING count(*) > 1
    ) AS repeated
)
FROM {edition}

-- name: count_lost
SELECT {counts} FROM {built}

-- name: all_routes
SELECT entity, incumbent, candidate, stage, share, token FROM lockgate.route

-- name: all_editions
SELECT
    entity, number, implementation, rows, published_at, pins, is_held, bytes, revision,
    bucket_by, key, served_schema, served_name, kept
FROM lockgate.edition
ORDER BY entity, number

-- name: all_shown
SELECT entity, incumbent, candidate FROM lockgate.shown
