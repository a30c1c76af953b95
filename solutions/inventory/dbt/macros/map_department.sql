{# The one place where department codes become names. The code comes trimmed and lower-cased; NULL is unknown too. #}
{% macro map_department(code) -%}
case {{ code }}
        when 'eng' then 'Engineering'
        when 'fin' then 'Finance'
        when 'hr' then 'People'
        when 'mkt' then 'Marketing'
        when 'ops' then 'Operations'
        when 'sal' then 'Sales'
        when 'leg' then 'Legal'
        when 'its' then 'IT'
        else 'Unknown'
    end
{%- endmacro %}
