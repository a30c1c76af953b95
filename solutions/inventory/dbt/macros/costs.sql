{# A cost in cents' precision, rounded half away from zero; NULL where the trimmed text is no number that fits. #}
{% macro read_cost(text) -%}
cast(case
            when {{ fits(text, '[+-]?9999999999[.]99[5-9][0-9]*') }} then null
            when {{ fits(text, '[+-]?[0-9]{1,10}([.][0-9]{1,20})?') }} then {{ text }}
        end as numeric(12, 2))
{%- endmacro %}

{# Whether the trimmed text of a number is below zero: judged before rounding, and -0.00 is not. #}
{% macro is_below_zero(text) -%}
{{ fits(text, '-.*[1-9].*') }}
{%- endmacro %}
