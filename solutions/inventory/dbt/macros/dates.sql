{# Text is matched against the whole calendar before it is cast, so that no engine can raise: PostgreSQL 15 has no safe cast. #}

{# YYYY-MM-DD or DD/MM/YYYY as a date; NULL where it is neither or no day of the calendar. Takes trimmed text. #}
{% macro read_date(text) -%}
cast(case
            when {{ fits(text, calendar('{year}-{month}-{day}')) }} then {{ text }}
            when {{ fits(text, calendar('{day}/{month}/{year}')) }}
                then substr({{ text }}, 7, 4) || '-' || substr({{ text }}, 4, 2) || '-' || substr({{ text }}, 1, 2)
        end as date)
{%- endmacro %}

{# 2026-01-31T09:15:00.123Z as an instant, with 0 to 6 decimals of a second; NULL where it is none. #}
{% macro read_instant(text) -%}
cast(case
            when {{ fits(text, '(' ~ calendar('{year}-{month}-{day}') ~ ')T([01][0-9]|2[0-3]):[0-5][0-9]:[0-5][0-9]([.][0-9]{1,6})?Z') }}
                then {{ text }}
        end as {{ type_instant() }})
{%- endmacro %}

{% macro type_instant() -%}
{{ adapter.dispatch('type_instant', 'inventory_transforms')() }}
{%- endmacro %}

{% macro default__type_instant() -%}
timestamp with time zone
{%- endmacro %}

{% macro spark__type_instant() -%}
timestamp
{%- endmacro %}

{% macro bigquery__type_instant() -%}
timestamp
{%- endmacro %}

{# The pattern of the days of the Gregorian calendar, years 0001 to 9999, in a layout of {year}, {month} and {day}. #}
{% macro calendar(layout) -%}
{%- set year = '([0-9]{3}[1-9]|[0-9]{2}[1-9]0|[0-9][1-9]00|[1-9]000)' -%}
{%- set leap_year = '([0-9]{2}(0[48]|[2468][048]|[13579][26])|(0[48]|[2468][048]|[13579][26])00)' -%}
{%- set patterns = [] -%}
{%- for years, months, days in [
    (year, '(0[13578]|1[02])', '(0[1-9]|[12][0-9]|3[01])'),
    (year, '(0[469]|11)', '(0[1-9]|[12][0-9]|30)'),
    (year, '02', '(0[1-9]|1[0-9]|2[0-8])'),
    (leap_year, '02', '29'),
] -%}
{%- do patterns.append(layout.replace('{year}', years).replace('{month}', months).replace('{day}', days)) -%}
{%- endfor -%}
{{ patterns | join('|') }}
{%- endmacro %}
