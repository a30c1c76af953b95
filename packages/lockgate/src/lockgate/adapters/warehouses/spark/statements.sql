-- name: cast_edition
SELECT cast_rows.*, CAST({bucket} AS smallint) AS _bucket FROM (SELECT {values} FROM {built}) AS cast_rows

-- name: differs
SELECT
    (SELECT count(*) FROM {built}),
    EXISTS (
        SELECT 1 FROM (
            SELECT cast_rows.*, CAST({bucket} AS smallint) AS _bucket FROM (SELECT {values} FROM {built}) AS cast_rows
        ) AS fresh
        FULL JOIN {kept} AS kept ON {paired}
        WHERE {differing}
    )

-- name: count_keys
SELECT
    sum(how_many) FILTER (WHERE is_missing),
    count(*) FILTER (WHERE NOT is_missing AND how_many > 1)
FROM (SELECT {missing} AS is_missing, count(*) AS how_many FROM {edition} GROUP BY {key}) AS keys

-- name: count_lost
SELECT {counts} FROM {built}
