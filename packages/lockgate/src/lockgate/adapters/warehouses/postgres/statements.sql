-- name: prepare
SELECT pg_advisory_xact_lock(hashtext('lockgate.prepare'));

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
    pins jsonb NOT NULL,
    stored_schema text NOT NULL,
    stored_name text NOT NULL,
    kept boolean NOT NULL DEFAULT false,
    PRIMARY KEY (entity, number)
);

-- What is kept of an edition since there are held ones. An ALTER locks the table even where it has nothing to add.
DO $$
BEGIN
    IF NOT EXISTS (
        SELECT FROM pg_attribute WHERE attrelid = 'lockgate.edition'::regclass AND attname = 'revision'
    ) THEN
        ALTER TABLE lockgate.edition
            ADD COLUMN IF NOT EXISTS is_held boolean NOT NULL DEFAULT false,
            ADD COLUMN IF NOT EXISTS bytes bigint NOT NULL DEFAULT 0,
            ADD COLUMN IF NOT EXISTS bucket_by text NOT NULL DEFAULT '',
            ADD COLUMN IF NOT EXISTS key jsonb,
            ADD COLUMN IF NOT EXISTS served_schema text,
            ADD COLUMN IF NOT EXISTS served_name text,
            ADD COLUMN IF NOT EXISTS revision text NOT NULL DEFAULT '';
    END IF;
END
$$;

-- Which editions stand behind the arms of a served view.
CREATE TABLE IF NOT EXISTS lockgate.shown (
    entity text PRIMARY KEY,
    served_schema text NOT NULL,
    served_name text NOT NULL,
    incumbent integer,
    candidate integer
);

CREATE TABLE IF NOT EXISTS lockgate.landed (
    schema text NOT NULL,
    stream text NOT NULL,
    load_id bigint NOT NULL,
    mode text NOT NULL,
    rows bigint NOT NULL,
    rejected bigint NOT NULL,
    cursor_until text,
    manifest text NOT NULL,
    landed_at timestamptz NOT NULL,
    PRIMARY KEY (schema, stream, load_id)
);

CREATE TABLE IF NOT EXISTS lockgate.pin (
    schema text NOT NULL,
    stream text NOT NULL,
    first_load bigint NOT NULL,
    last_load bigint NOT NULL,
    PRIMARY KEY (schema, stream)
);

CREATE TABLE IF NOT EXISTS lockgate.quarantine (
    schema text NOT NULL,
    stream text NOT NULL,
    _load_id bigint NOT NULL,
    _row bigint NOT NULL,
    "column" text,
    reason text NOT NULL,
    record text NOT NULL
);

CREATE INDEX IF NOT EXISTS quarantine_by_stream ON lockgate.quarantine (schema, stream, _load_id, _row)

-- name: claim_load
INSERT INTO lockgate.landed (schema, stream, load_id, mode, rows, rejected, cursor_until, manifest, landed_at)
VALUES ({schema}, {stream}, {load_id}, {mode}, {rows}, {rejected}, {cursor_until}, {manifest}, {landed_at})
ON CONFLICT DO NOTHING
RETURNING load_id

-- name: landed
SELECT load_id, mode, rows, rejected, cursor_until, manifest
FROM lockgate.landed
WHERE schema = %(schema)s AND stream = %(stream)s
ORDER BY load_id

-- name: prunable
SELECT
    (SELECT count(*) FROM lockgate.landed WHERE schema = {schema} AND stream = {stream} AND load_id < {before}),
    count(*),
    (SELECT count(*) FROM lockgate.quarantine WHERE schema = {schema} AND stream = {stream} AND _load_id < {before}),
    COALESCE(sum(pg_column_size(log.*)), 0)::bigint
FROM {log} AS log
WHERE _load_id < {before}

-- name: prune
WITH rejects AS (
    DELETE FROM lockgate.quarantine WHERE schema = {schema} AND stream = {stream} AND _load_id < {before}
), loads AS (
    DELETE FROM lockgate.landed WHERE schema = {schema} AND stream = {stream} AND load_id < {before}
)
DELETE FROM {log} WHERE _load_id < {before}

-- name: move_pin
INSERT INTO lockgate.pin (schema, stream, first_load, last_load)
VALUES (%(schema)s, %(stream)s, %(first_load)s, %(last_load)s)
ON CONFLICT (schema, stream) DO UPDATE SET first_load = excluded.first_load, last_load = excluded.last_load

-- name: pins
SELECT schema, stream, first_load, last_load FROM lockgate.pin ORDER BY schema, stream

-- name: quarantined
SELECT _load_id, _row, "column", reason, record
FROM lockgate.quarantine
WHERE schema = %(schema)s AND stream = %(stream)s
ORDER BY _load_id DESC, _row DESC
LIMIT %(limit)s

-- name: create_log
CREATE TABLE IF NOT EXISTS {log} (_load_id bigint NOT NULL, _row bigint NOT NULL)

-- name: index_log
-- Loads arrive in the order of their ids: a block range index of some kilobytes finds the pinned ones.
CREATE INDEX IF NOT EXISTS {index} ON {log} USING brin (_load_id) WITH (pages_per_range = 32)

-- name: create_raw_view
-- The planner takes two plain bounds it cannot know for a narrow range, one row in two hundred, and joins accordingly;
-- the sum keeps it from pairing them.
CREATE OR REPLACE VIEW {view} AS
SELECT {columns} FROM {log}
WHERE _load_id >= (SELECT first_load FROM lockgate.pin WHERE schema = {schema} AND stream = {stream})
AND _load_id + 0 <= (SELECT last_load FROM lockgate.pin WHERE schema = {schema} AND stream = {stream})

-- name: streams
SELECT DISTINCT schema, stream FROM lockgate.landed

-- name: columns
-- With each the type as people write it, then what that is; a domain is the type below all domains.
SELECT a.attname, format_type(a.atttypid, a.atttypmod), u.typname, u.typcategory, u.modifier
FROM pg_attribute a
JOIN pg_class c ON c.oid = a.attrelid
JOIN pg_namespace n ON n.oid = c.relnamespace
CROSS JOIN LATERAL (
    WITH RECURSIVE below AS (
        SELECT t.typname, t.typcategory, t.typbasetype, COALESCE(NULLIF(t.typtypmod, -1), a.atttypmod) AS modifier
        FROM pg_type t WHERE t.oid = a.atttypid
        UNION ALL
        SELECT t.typname, t.typcategory, t.typbasetype, COALESCE(NULLIF(t.typtypmod, -1), b.modifier)
        FROM below b JOIN pg_type t ON t.oid = b.typbasetype
    )
    SELECT typname, typcategory, modifier FROM below WHERE typbasetype = 0
) AS u
WHERE n.nspname = %(schema)s AND c.relname = %(name)s AND a.attnum > 0 AND NOT a.attisdropped
ORDER BY a.attnum

-- name: never_null
SELECT a.attname FROM pg_attribute a
JOIN pg_class c ON c.oid = a.attrelid
JOIN pg_namespace n ON n.oid = c.relnamespace
WHERE n.nspname = %(schema)s AND c.relname = %(name)s AND a.attnotnull AND NOT a.attisdropped

-- name: unique_indexes
-- Whole, valid, checked at once, over plain columns.
SELECT array_agg(a.attname::text)
FROM pg_index i
JOIN pg_class c ON c.oid = i.indrelid
JOIN pg_namespace n ON n.oid = c.relnamespace
CROSS JOIN LATERAL unnest(i.indkey::int2[]) WITH ORDINALITY k(attribute, position)
JOIN pg_attribute a ON a.attrelid = i.indrelid AND a.attnum = k.attribute
WHERE n.nspname = %(schema)s AND c.relname = %(name)s AND i.indisunique AND i.indisvalid AND i.indimmediate
AND i.indpred IS NULL AND i.indexprs IS NULL AND k.position <= i.indnkeyatts
GROUP BY i.indexrelid

-- name: raw_state
SELECT md5(COALESCE(string_agg(fact, E'\n' ORDER BY fact), ''))
FROM (
    SELECT concat_ws(' ', quote_ident(schema), quote_ident(stream), first_load, last_load) FROM lockgate.pin
    UNION ALL
    SELECT concat_ws(' ', c.oid, a.attnum, quote_ident(a.attname), a.atttypid, a.atttypmod)
    FROM (SELECT DISTINCT schema, stream FROM lockgate.landed) l
    JOIN pg_namespace n ON n.nspname = l.schema
    JOIN pg_class c ON c.relnamespace = n.oid AND c.relname = l.stream
    JOIN pg_attribute a ON a.attrelid = c.oid AND a.attnum > 0 AND NOT a.attisdropped
) facts (fact)

-- name: holders
SELECT DISTINCT l.pid
FROM pg_locks l
JOIN pg_class c ON c.oid = l.relation
JOIN pg_namespace n ON n.oid = c.relnamespace
WHERE l.granted AND l.pid <> pg_backend_pid() AND n.nspname = %(schema)s AND c.relname = %(name)s
AND l.database = (SELECT oid FROM pg_database WHERE datname = current_database())
ORDER BY l.pid

-- name: advisory_holder
SELECT pid FROM pg_locks
WHERE locktype = 'advisory' AND granted AND objsubid = 1
AND (classid::bigint << 32 | objid::bigint) = %(key)s
AND database = (SELECT oid FROM pg_database WHERE datname = current_database())

-- name: route
SELECT entity, incumbent, candidate, stage, share, token FROM lockgate.route WHERE entity = %(entity)s

-- name: route_for_update
SELECT entity, incumbent, candidate, stage, share, token FROM lockgate.route WHERE entity = %(entity)s FOR UPDATE

-- name: first_route
INSERT INTO lockgate.route (entity, incumbent, candidate, stage, share, token)
VALUES (%(entity)s, %(incumbent)s, %(candidate)s, %(stage)s, %(share)s, 1)
ON CONFLICT DO NOTHING

-- name: next_route
UPDATE lockgate.route
SET incumbent = %(incumbent)s, candidate = %(candidate)s, stage = %(stage)s, share = %(share)s, token = token + 1
WHERE entity = %(entity)s AND token = %(token)s

-- name: editions
SELECT
    entity, number, implementation, rows, published_at, pins, is_held, bytes, revision,
    bucket_by, key, served_schema, served_name, kept, stored_schema, stored_name
FROM lockgate.edition
WHERE entity = %(entity)s
ORDER BY number

-- name: next_number
SELECT COALESCE(max(number), 0) + 1 FROM lockgate.edition WHERE entity = %(entity)s

-- name: add_edition
INSERT INTO lockgate.edition (
    entity, number, implementation, rows, published_at, pins, is_held, bytes, revision,
    bucket_by, key, served_schema, served_name, stored_schema, stored_name
) VALUES (
    %(entity)s, %(number)s, %(implementation)s, %(rows)s, %(published_at)s, %(pins)s, %(is_held)s, %(bytes)s, %(revision)s,
    %(bucket_by)s, %(key)s, %(served_schema)s, %(served_name)s, %(schema)s, %(name)s
)

-- name: keep_edition
UPDATE lockgate.edition SET kept = %(kept)s WHERE entity = %(entity)s AND number = %(number)s

-- name: move_edition
UPDATE lockgate.edition SET pins = %(pins)s, revision = %(revision)s, is_held = is_held AND %(is_held)s
WHERE entity = %(entity)s AND number = %(number)s

-- name: release_edition
UPDATE lockgate.edition SET is_held = false WHERE entity = %(entity)s AND number = %(number)s

-- name: edition_bytes
SELECT pg_total_relation_size(c.oid)
FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
WHERE n.nspname = %(schema)s AND c.relname = %(name)s

-- name: edition_key
SELECT a.attname
FROM pg_index i
JOIN pg_class c ON c.oid = i.indrelid
JOIN pg_namespace n ON n.oid = c.relnamespace
CROSS JOIN LATERAL unnest(i.indkey) WITH ORDINALITY AS part (attnum, place)
JOIN pg_attribute a ON a.attrelid = c.oid AND a.attnum = part.attnum
WHERE i.indisprimary AND n.nspname = %(schema)s AND c.relname = %(name)s
ORDER BY part.place

-- name: forget_edition
DELETE FROM lockgate.edition WHERE entity = %(entity)s AND number = %(number)s

-- name: shown
SELECT served_schema, served_name, incumbent, candidate FROM lockgate.shown WHERE entity = %(entity)s

-- name: set_shown
INSERT INTO lockgate.shown (entity, served_schema, served_name, incumbent, candidate)
VALUES (%(entity)s, %(schema)s, %(name)s, %(incumbent)s, %(candidate)s)
ON CONFLICT (entity) DO UPDATE
SET served_schema = excluded.served_schema, served_name = excluded.served_name,
    incumbent = excluded.incumbent, candidate = excluded.candidate

-- name: create_edition
CREATE TABLE {edition} AS
SELECT cast_rows.*, CAST({bucket} AS smallint) AS _bucket
FROM (SELECT {values} FROM {built}) AS cast_rows

-- name: count_rows
SELECT count(*) FROM {relation}

-- name: differs
SELECT EXISTS (
    SELECT FROM (
        SELECT cast_rows.*, CAST({bucket} AS smallint) AS _bucket FROM (SELECT {values} FROM {built}) AS cast_rows
    ) AS fresh
    FULL JOIN {kept} AS kept ON {paired}
    WHERE {differing}
)

-- name: key_edition
ALTER TABLE {edition} ADD PRIMARY KEY ({key})

-- name: count_keys
SELECT count(*) FILTER (WHERE {missing}), (
    SELECT count(*) FROM (SELECT FROM {edition} WHERE NOT ({missing}) GROUP BY {key} HAVING count(*) > 1) AS repeated
)
FROM {edition}

-- name: dependents
-- What reads the view, or uses its rows as a type; views by their own name, other objects by their identity.
SELECT DISTINCT COALESCE(
    quote_ident(n.nspname) || '.' || quote_ident(c.relname), (pg_identify_object(d.classid, d.objid, d.objsubid)).identity
)
FROM pg_depend d
JOIN pg_class v ON v.oid = %(view)s
JOIN pg_type t ON t.oid = v.reltype
LEFT JOIN pg_rewrite r ON d.classid = 'pg_rewrite'::regclass AND r.oid = d.objid
LEFT JOIN pg_class c ON c.oid = r.ev_class
LEFT JOIN pg_namespace n ON n.oid = c.relnamespace
WHERE d.deptype = 'n' AND r.ev_class IS DISTINCT FROM v.oid AND (
    d.refclassid = 'pg_class'::regclass AND d.refobjid = v.oid
    OR d.refclassid = 'pg_type'::regclass AND d.refobjid IN (t.oid, t.typarray)
)
ORDER BY 1

-- name: find_view
SELECT c.oid, c.relkind::text, pg_get_userbyid(c.relowner), obj_description(c.oid, 'pg_class'), c.reloptions
FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
WHERE n.nspname = %(schema)s AND c.relname = %(name)s

-- name: view_columns
SELECT a.attname, format_type(a.atttypid, a.atttypmod), col_description(a.attrelid, a.attnum)
FROM pg_attribute a
WHERE a.attrelid = %(view)s AND a.attnum > 0 AND NOT a.attisdropped
ORDER BY a.attnum

-- name: edition_columns
SELECT a.attname, format_type(a.atttypid, a.atttypmod)
FROM pg_attribute a
JOIN pg_class c ON c.oid = a.attrelid
JOIN pg_namespace n ON n.oid = c.relnamespace
WHERE n.nspname = %(schema)s AND c.relname = %(name)s AND a.attnum > 0 AND NOT a.attisdropped
AND a.attname <> '_bucket'
ORDER BY a.attnum

-- name: grants
SELECT NULL AS "column", g.privilege_type, pg_get_userbyid(g.grantee), g.grantee = 0, g.is_grantable
FROM pg_class c, aclexplode(c.relacl) g
WHERE c.oid = %(view)s AND g.grantee <> c.relowner
UNION ALL
SELECT a.attname, g.privilege_type, pg_get_userbyid(g.grantee), g.grantee = 0, g.is_grantable
FROM pg_attribute a, aclexplode(a.attacl) g
WHERE a.attrelid = %(view)s AND a.attnum > 0 AND NOT a.attisdropped

-- name: schema_exists
SELECT EXISTS (SELECT FROM pg_namespace WHERE nspname = %(schema)s)

-- name: role_exists
SELECT EXISTS (SELECT FROM pg_roles WHERE rolname = %(role)s)

-- name: create_role
CREATE ROLE {role} NOLOGIN NOINHERIT

-- name: open_role
ALTER ROLE {role} LOGIN PASSWORD {password}

-- name: close_role
ALTER ROLE {role} NOLOGIN PASSWORD NULL

-- name: limit_role
ALTER ROLE {role} IN DATABASE {database} SET statement_timeout = {timeout}

-- name: may_keep
SELECT has_database_privilege(%(role)s, current_database(), 'CONNECT')
AND has_database_privilege(%(role)s, current_database(), 'TEMPORARY')

-- name: keep
CREATE TEMPORARY TABLE {table} AS

-- name: without_rows
WITH NO DATA

-- name: make_kept
CREATE TEMPORARY TABLE {table} ({columns})

-- name: write_kept
COPY pg_temp.{table} FROM STDIN (FORMAT binary)

-- name: analyze_kept
ANALYZE pg_temp.{table}

-- name: drop_kept
DROP TABLE pg_temp.{table}

-- name: kept_columns
-- What a temporary table was made of, as another one like it is written.
SELECT string_agg(
    quote_ident(a.attname) || ' ' || format_type(a.atttypid, a.atttypmod)
    || COALESCE(' COLLATE ' || quote_ident(n.nspname) || '.' || quote_ident(c.collname), ''),
    ', ' ORDER BY a.attnum
)
FROM pg_attribute a
JOIN pg_type t ON t.oid = a.atttypid
LEFT JOIN (pg_collation c JOIN pg_namespace n ON n.oid = c.collnamespace)
    ON c.oid = a.attcollation AND a.attcollation <> t.typcollation
WHERE a.attrelid = (
    SELECT oid FROM pg_class WHERE relnamespace = pg_my_temp_schema() AND relname = %(name)s
) AND a.attnum > 0

-- name: as_models_see
-- dbt's sessions have PostgreSQL's own search path: functions and operators of `public` are seen behind its own.
SET LOCAL search_path = public

-- name: empty_table
CREATE TEMPORARY TABLE {table} ({columns})

-- name: stand_in
CREATE TEMPORARY VIEW {view} AS TABLE pg_temp.{table}

-- name: stand_aside
ALTER VIEW pg_temp.{view} RENAME TO {aside}

-- name: view_of
CREATE TEMPORARY VIEW {view} AS

-- name: tree_of_view
SELECT r.ev_action::text
FROM pg_rewrite r
JOIN pg_class c ON c.oid = r.ev_class
WHERE c.relnamespace = pg_my_temp_schema() AND c.relname = %(name)s

-- name: functions
-- What takes the clock, a setting, the session or the catalog counts as stable for PostgreSQL, as what looks at the
-- time zone alone does, which is pinned.
SELECT
    p.oid::bigint,
    p.proname::text,
    -- PostgreSQL has some of its functions under several names.
    CASE l.lanname WHEN 'internal' THEN p.prosrc || ' ' || p.proargtypes::text ELSE p.oid::text END,
    p.provolatile = 'v' OR n.nspname = 'pg_catalog' AND p.provolatile = 's' AND (
        p.pronargs = 0 AND p.proname !~ '^jsonb?_build_'
        OR p.proname = 'age' AND p.pronargs = 1
        OR p.proname ~ '^(current_|format_type|has_|inet_|mxid_|row_security_|to_reg|txid_)|_to_xml|_description$'
        OR p.proname ~ '^pg_' AND p.proname NOT IN ('pg_input_is_valid', 'pg_typeof')
    ),
    n.nspname = 'pg_catalog'
FROM pg_proc p
JOIN pg_namespace n ON n.oid = p.pronamespace
JOIN pg_language l ON l.oid = p.prolang
WHERE p.oid = ANY(%(oids)s)

-- name: negators
SELECT o.oid::bigint, n.oid::bigint, n.oprcode::oid::bigint
FROM pg_operator o
JOIN pg_operator n ON n.oid = o.oprnegate
WHERE o.oprcode <> 0

-- name: types
SELECT oid::bigint, typname::text, typcategory::text FROM pg_type WHERE oid = ANY(%(oids)s)

-- name: end_sessions
SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE usename = %(role)s

-- name: other_schemas_open
-- Where the role could create besides its own schema and temporary ones.
SELECT nspname FROM pg_namespace
WHERE nspname <> %(schema)s AND nspname !~ '^pg_(toast_)?temp_' AND has_schema_privilege(%(role)s, oid, 'CREATE')
ORDER BY nspname

-- name: column_names
SELECT a.attname
FROM pg_attribute a
JOIN pg_class c ON c.oid = a.attrelid
JOIN pg_namespace n ON n.oid = c.relnamespace
WHERE n.nspname = %(schema)s AND c.relname = %(name)s AND a.attnum > 0 AND NOT a.attisdropped

-- name: only_arm
SELECT {columns} FROM {edition}

-- name: incumbent_arm
-- The share alone, tested first, keeps an arm that answers for nobody from being read.
SELECT {columns} FROM {edition}
WHERE (SELECT share FROM lockgate.route WHERE entity = {entity}) < {buckets}
AND _bucket >= (SELECT share FROM lockgate.route WHERE entity = {entity})

-- name: candidate_arm
SELECT {columns} FROM {edition}
WHERE (SELECT share FROM lockgate.route WHERE entity = {entity}) > 0
AND _bucket < (SELECT share FROM lockgate.route WHERE entity = {entity})

-- name: all_routes
SELECT entity, incumbent, candidate, stage, share, token FROM lockgate.route

-- name: all_editions
SELECT
    entity, number, implementation, rows, published_at, pins, is_held, bytes, revision,
    bucket_by, key, served_schema, served_name, kept, stored_schema, stored_name
FROM lockgate.edition
ORDER BY entity, number

-- name: all_shown
SELECT entity, incumbent, candidate FROM lockgate.shown
