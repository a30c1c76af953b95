{# Text without ASCII blanks at its ends; NULL where nothing is left. No engine's bare `trim` is used: they disagree on the no-break space. #}
{% macro trimmed(text) -%}
nullif({{ adapter.dispatch('strip', 'inventory_transforms')(text, ascii_blanks()) }}, '')
{%- endmacro %}

{# Trimmed and lower-cased, A to Z only: no engine's locale has a say. #}
{% macro normalised(text) -%}
{{ adapter.dispatch('ascii_lower', 'inventory_transforms')(trimmed(text)) }}
{%- endmacro %}

{% macro default__ascii_lower(text) -%}
translate({{ text }}, 'ABCDEFGHIJKLMNOPQRSTUVWXYZ', 'abcdefghijklmnopqrstuvwxyz')
{%- endmacro %}

{# `translate` is slow here: it is left for text that is not ASCII (more bytes than characters) and has something to change. #}
{% macro duckdb__ascii_lower(text) -%}
case
            when strlen({{ text }}) = length({{ text }}) then lower({{ text }})
            when not regexp_matches({{ text }}, '[A-Z]') then {{ text }}
            else {{ inventory_transforms.default__ascii_lower(text) }}
        end
{%- endmacro %}

{# The collation "C" lower-cases ASCII alone; the column itself keeps the database's. #}
{% macro postgres__ascii_lower(text) -%}
lower({{ text }} collate "C") collate "default"
{%- endmacro %}

{# Space, tab, line feed, vertical tab, form feed, carriage return. #}
{% macro ascii_blanks() -%}
' ' || chr(9) || chr(10) || chr(11) || chr(12) || chr(13)
{%- endmacro %}

{% macro default__strip(text, characters) -%}
trim({{ text }}, {{ characters }})
{%- endmacro %}

{% macro postgres__strip(text, characters) -%}
btrim({{ text }}, {{ characters }})
{%- endmacro %}

{% macro spark__strip(text, characters) -%}
btrim({{ text }}, {{ characters }})
{%- endmacro %}

{# Whether the whole text fits the pattern. Patterns use only what the engines' regular expressions share: no backslash, no look-ahead. #}
{% macro fits(text, pattern) -%}
{{ adapter.dispatch('fits', 'inventory_transforms')(text, pattern) }}
{%- endmacro %}

{% macro default__fits(text, pattern) -%}
{{ text }} ~ '^({{ pattern }})$'
{%- endmacro %}

{% macro duckdb__fits(text, pattern) -%}
regexp_full_match({{ text }}, '{{ pattern }}')
{%- endmacro %}

{# Java's $ matches before a last line break too. #}
{% macro spark__fits(text, pattern) -%}
{{ text }} rlike '^({{ pattern }})\\z'
{%- endmacro %}

{% macro bigquery__fits(text, pattern) -%}
regexp_contains({{ text }}, r'^({{ pattern }})$')
{%- endmacro %}
