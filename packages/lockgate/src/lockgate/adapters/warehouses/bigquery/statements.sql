-- name: prepare
CREATE TABLE IF NOT EXISTS {route_table} (entity STRING NOT NULL, number INT64 NOT NULL, low INT64 NOT NULL, high INT64 NOT NULL);
CREATE TABLE IF NOT EXISTS {pin_table} (schema_name STRING NOT NULL, stream STRING NOT NULL, first_load INT64 NOT NULL, last_load INT64 NOT NULL);
CREATE TABLE IF NOT EXISTS {lease_table} (name STRING NOT NULL, owner STRING NOT NULL, until TIMESTAMP NOT NULL);
CREATE TABLE IF NOT EXISTS {load_table} (
    schema_name STRING NOT NULL, stream STRING NOT NULL, load_id INT64 NOT NULL, mode STRING NOT NULL,
    row_count INT64 NOT NULL, rejected INT64 NOT NULL, cursor_until STRING, manifest STRING NOT NULL,
    bytes INT64 NOT NULL, landed_at TIMESTAMP NOT NULL
);
CREATE TABLE IF NOT EXISTS {quarantine_table} (
    schema_name STRING NOT NULL, stream STRING NOT NULL, load_id INT64 NOT NULL, position INT64 NOT NULL,
    column_name STRING, reason STRING, record STRING
);
CREATE TABLE IF NOT EXISTS {state_table} AS SELECT 0 AS generation, '{empty}' AS document

-- name: begin
BEGIN TRANSACTION;
UPDATE {state_table} SET generation = generation + 1, document = @document WHERE generation = @seen;
ASSERT (@@row_count = 1) AS 'the state has moved on'

-- name: check_lease
UPDATE {lease_table} SET until = TIMESTAMP_ADD(CURRENT_TIMESTAMP(), INTERVAL @lease_ms MILLISECOND)
WHERE name = @{lock} AND owner = @{owner};
ASSERT (@@row_count > 0) AS 'the lease is lost'

-- name: commit
COMMIT TRANSACTION

-- name: add_lease
INSERT INTO {lease_table} (name, owner, until)
SELECT @name, '', TIMESTAMP '1970-01-01 00:00:00+00' FROM (SELECT 1 AS one)
WHERE NOT EXISTS (SELECT 1 FROM {lease_table} WHERE name = @name)

-- name: take_lease
UPDATE {lease_table} SET owner = @owner, until = TIMESTAMP_ADD(CURRENT_TIMESTAMP(), INTERVAL @lease_ms MILLISECOND)
WHERE name = @name AND until < CURRENT_TIMESTAMP()

-- name: renew_lease
UPDATE {lease_table} SET until = TIMESTAMP_ADD(CURRENT_TIMESTAMP(), INTERVAL @lease_ms MILLISECOND)
WHERE name = @name AND owner = @owner

-- name: give_lease_back
UPDATE {lease_table} SET until = TIMESTAMP '1970-01-01 00:00:00+00' WHERE name = @name AND owner = @owner

-- name: create_log
CREATE TABLE IF NOT EXISTS {log} ({columns}) CLUSTER BY _load_id

-- name: add_column
ALTER TABLE {log} ADD COLUMN IF NOT EXISTS {column} {type}

-- name: append_rows
INSERT INTO {log} ({columns}) SELECT {columns} FROM {staged}

-- name: append_rejects
INSERT INTO {quarantine_table} (schema_name, stream, load_id, position, column_name, reason, record)
SELECT @schema_name, @stream, _load_id, _row, `column`, reason, record FROM {staged}

-- name: add_load
INSERT INTO {load_table} (
    schema_name, stream, load_id, mode, row_count, rejected, cursor_until, manifest, bytes, landed_at
) VALUES (
    @schema_name, @stream, @load_id, @mode, @row_count, @rejected, @cursor_until, @manifest, @bytes, @landed_at
)

-- name: landed
SELECT load_id, mode, row_count, rejected, cursor_until, manifest FROM {load_table}
WHERE schema_name = @schema_name AND stream = @stream
ORDER BY load_id

-- name: prunable
SELECT COUNT(*), COALESCE(SUM(row_count), 0), COALESCE(SUM(rejected), 0), COALESCE(SUM(bytes), 0) FROM {load_table}
WHERE schema_name = @schema_name AND stream = @stream AND load_id < @before

-- name: prune
DELETE FROM {log} WHERE _load_id < @before;
DELETE FROM {quarantine_table} WHERE schema_name = @schema_name AND stream = @stream AND load_id < @before;
DELETE FROM {load_table} WHERE schema_name = @schema_name AND stream = @stream AND load_id < @before

-- name: quarantined
SELECT load_id, position, column_name, reason, record FROM {quarantine_table}
WHERE schema_name = @schema_name AND stream = @stream
ORDER BY load_id DESC, position DESC
LIMIT {limit}

-- name: move_pin
DELETE FROM {pin_table} WHERE schema_name = @schema_{n} AND stream = @stream_{n};
INSERT INTO {pin_table} (schema_name, stream, first_load, last_load)
VALUES (@schema_{n}, @stream_{n}, @first_{n}, @last_{n})

-- name: raw_view
SELECT {columns}
FROM {log} AS log
CROSS JOIN (SELECT first_load, last_load FROM {pin_table} WHERE schema_name = {schema} AND stream = {stream}) AS pin
WHERE log._load_id BETWEEN pin.first_load AND pin.last_load

-- name: served_arm
SELECT {columns}
FROM {edition} AS edition
CROSS JOIN (SELECT low, high FROM {route_table} WHERE entity = {entity} AND number = {number}) AS arm
WHERE edition._bucket >= arm.low AND edition._bucket < arm.high

-- name: forget_arms
DELETE FROM {route_table} WHERE entity = @entity_{n}

-- name: show_arm
INSERT INTO {route_table} (entity, number, low, high) VALUES (@entity_{n}, @number_{n}_{arm}, @low_{n}_{arm}, @high_{n}_{arm})

-- name: create_edition
CREATE TABLE {edition} ({columns})
CLUSTER BY _bucket
OPTIONS (expiration_timestamp = TIMESTAMP {expires})
AS SELECT cast_rows.*, CAST({bucket} AS INT64) AS _bucket FROM (SELECT {values} FROM {built}) AS cast_rows

-- name: differs
SELECT
    (SELECT COUNT(*) FROM {built}),
    EXISTS (
        SELECT 1 FROM (
            SELECT cast_rows.*, CAST({bucket} AS INT64) AS _bucket FROM (SELECT {values} FROM {built}) AS cast_rows
        ) AS fresh
        FULL JOIN {kept} AS kept ON {paired}
        WHERE {differing}
    )

-- name: count_keys
SELECT
    COALESCE(SUM(IF(is_missing, how_many, 0)), 0),
    COUNTIF(NOT is_missing AND how_many > 1)
FROM (SELECT {missing} AS is_missing, COUNT(*) AS how_many FROM {edition} GROUP BY {key}) AS keys

-- name: count_lost
SELECT {counts} FROM {built}

-- name: build
CREATE OR REPLACE TABLE {table} AS {query}
