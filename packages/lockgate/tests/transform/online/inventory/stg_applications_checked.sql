

with delivered as (

    select
        id,
        name,
        category,
        criticality,
        monthly_cost,
        owner_id,
        launched_on,
        updated_at,
        nullif(trim(name, ' ' || chr(9) || chr(10) || chr(11) || chr(12) || chr(13)), '') as clean_name,
        case
            when strlen(nullif(trim(category, ' ' || chr(9) || chr(10) || chr(11) || chr(12) || chr(13)), '')) = length(nullif(trim(category, ' ' || chr(9) || chr(10) || chr(11) || chr(12) || chr(13)), '')) then lower(nullif(trim(category, ' ' || chr(9) || chr(10) || chr(11) || chr(12) || chr(13)), ''))
            when not regexp_matches(nullif(trim(category, ' ' || chr(9) || chr(10) || chr(11) || chr(12) || chr(13)), ''), '[A-Z]') then nullif(trim(category, ' ' || chr(9) || chr(10) || chr(11) || chr(12) || chr(13)), '')
            else translate(nullif(trim(category, ' ' || chr(9) || chr(10) || chr(11) || chr(12) || chr(13)), ''), 'ABCDEFGHIJKLMNOPQRSTUVWXYZ', 'abcdefghijklmnopqrstuvwxyz')
        end as clean_category,
        case
            when strlen(nullif(trim(criticality, ' ' || chr(9) || chr(10) || chr(11) || chr(12) || chr(13)), '')) = length(nullif(trim(criticality, ' ' || chr(9) || chr(10) || chr(11) || chr(12) || chr(13)), '')) then lower(nullif(trim(criticality, ' ' || chr(9) || chr(10) || chr(11) || chr(12) || chr(13)), ''))
            when not regexp_matches(nullif(trim(criticality, ' ' || chr(9) || chr(10) || chr(11) || chr(12) || chr(13)), ''), '[A-Z]') then nullif(trim(criticality, ' ' || chr(9) || chr(10) || chr(11) || chr(12) || chr(13)), '')
            else translate(nullif(trim(criticality, ' ' || chr(9) || chr(10) || chr(11) || chr(12) || chr(13)), ''), 'ABCDEFGHIJKLMNOPQRSTUVWXYZ', 'abcdefghijklmnopqrstuvwxyz')
        end as clean_criticality,
        nullif(trim(monthly_cost, ' ' || chr(9) || chr(10) || chr(11) || chr(12) || chr(13)), '') as monthly_cost_text,
        nullif(trim(launched_on, ' ' || chr(9) || chr(10) || chr(11) || chr(12) || chr(13)), '') as launched_on_text
    from "inventory"."raw"."applications"

),

read_values as (

    select
        *,
        cast(case
            when regexp_full_match(monthly_cost_text, '[+-]?9999999999[.]99[5-9][0-9]*') then null
            when regexp_full_match(monthly_cost_text, '[+-]?[0-9]{1,10}([.][0-9]{1,20})?') then monthly_cost_text
        end as numeric(12, 2)) as clean_monthly_cost,
        cast(case
            when regexp_full_match(launched_on_text, '([0-9]{3}[1-9]|[0-9]{2}[1-9]0|[0-9][1-9]00|[1-9]000)-(0[13578]|1[02])-(0[1-9]|[12][0-9]|3[01])|([0-9]{3}[1-9]|[0-9]{2}[1-9]0|[0-9][1-9]00|[1-9]000)-(0[469]|11)-(0[1-9]|[12][0-9]|30)|([0-9]{3}[1-9]|[0-9]{2}[1-9]0|[0-9][1-9]00|[1-9]000)-02-(0[1-9]|1[0-9]|2[0-8])|([0-9]{2}(0[48]|[2468][048]|[13579][26])|(0[48]|[2468][048]|[13579][26])00)-02-29') then launched_on_text
            when regexp_full_match(launched_on_text, '(0[1-9]|[12][0-9]|3[01])/(0[13578]|1[02])/([0-9]{3}[1-9]|[0-9]{2}[1-9]0|[0-9][1-9]00|[1-9]000)|(0[1-9]|[12][0-9]|30)/(0[469]|11)/([0-9]{3}[1-9]|[0-9]{2}[1-9]0|[0-9][1-9]00|[1-9]000)|(0[1-9]|1[0-9]|2[0-8])/02/([0-9]{3}[1-9]|[0-9]{2}[1-9]0|[0-9][1-9]00|[1-9]000)|29/02/([0-9]{2}(0[48]|[2468][048]|[13579][26])|(0[48]|[2468][048]|[13579][26])00)')
                then substr(launched_on_text, 7, 4) || '-' || substr(launched_on_text, 4, 2) || '-' || substr(launched_on_text, 1, 2)
        end as date) as clean_launched_on,
        cast(case
            when regexp_full_match(updated_at, '(([0-9]{3}[1-9]|[0-9]{2}[1-9]0|[0-9][1-9]00|[1-9]000)-(0[13578]|1[02])-(0[1-9]|[12][0-9]|3[01])|([0-9]{3}[1-9]|[0-9]{2}[1-9]0|[0-9][1-9]00|[1-9]000)-(0[469]|11)-(0[1-9]|[12][0-9]|30)|([0-9]{3}[1-9]|[0-9]{2}[1-9]0|[0-9][1-9]00|[1-9]000)-02-(0[1-9]|1[0-9]|2[0-8])|([0-9]{2}(0[48]|[2468][048]|[13579][26])|(0[48]|[2468][048]|[13579][26])00)-02-29)T([01][0-9]|2[0-3]):[0-5][0-9]:[0-5][0-9]([.][0-9]{1,6})?Z')
                then updated_at
        end as timestamp with time zone) as version_at
    from delivered

)

select
    *,
    case
        when id is null then 'id_missing'
        when version_at is null then 'updated_at_invalid'
        when monthly_cost_text is not null and clean_monthly_cost is null then 'monthly_cost_not_a_number'
        when regexp_full_match(monthly_cost_text, '-.*[1-9].*') then 'monthly_cost_negative'
        when launched_on_text is not null and clean_launched_on is null then 'launched_on_invalid'
    end as reason
from read_values