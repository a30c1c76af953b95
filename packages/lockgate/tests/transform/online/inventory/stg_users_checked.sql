

with delivered as (

    select
        id,
        email,
        full_name,
        department_code,
        status,
        hired_on,
        created_at,
        updated_at,
        case
            when strlen(nullif(trim(email, ' ' || chr(9) || chr(10) || chr(11) || chr(12) || chr(13)), '')) = length(nullif(trim(email, ' ' || chr(9) || chr(10) || chr(11) || chr(12) || chr(13)), '')) then lower(nullif(trim(email, ' ' || chr(9) || chr(10) || chr(11) || chr(12) || chr(13)), ''))
            when not regexp_matches(nullif(trim(email, ' ' || chr(9) || chr(10) || chr(11) || chr(12) || chr(13)), ''), '[A-Z]') then nullif(trim(email, ' ' || chr(9) || chr(10) || chr(11) || chr(12) || chr(13)), '')
            else translate(nullif(trim(email, ' ' || chr(9) || chr(10) || chr(11) || chr(12) || chr(13)), ''), 'ABCDEFGHIJKLMNOPQRSTUVWXYZ', 'abcdefghijklmnopqrstuvwxyz')
        end as clean_email,
        nullif(trim(full_name, ' ' || chr(9) || chr(10) || chr(11) || chr(12) || chr(13)), '') as clean_full_name,
        case
            when strlen(nullif(trim(department_code, ' ' || chr(9) || chr(10) || chr(11) || chr(12) || chr(13)), '')) = length(nullif(trim(department_code, ' ' || chr(9) || chr(10) || chr(11) || chr(12) || chr(13)), '')) then lower(nullif(trim(department_code, ' ' || chr(9) || chr(10) || chr(11) || chr(12) || chr(13)), ''))
            when not regexp_matches(nullif(trim(department_code, ' ' || chr(9) || chr(10) || chr(11) || chr(12) || chr(13)), ''), '[A-Z]') then nullif(trim(department_code, ' ' || chr(9) || chr(10) || chr(11) || chr(12) || chr(13)), '')
            else translate(nullif(trim(department_code, ' ' || chr(9) || chr(10) || chr(11) || chr(12) || chr(13)), ''), 'ABCDEFGHIJKLMNOPQRSTUVWXYZ', 'abcdefghijklmnopqrstuvwxyz')
        end as clean_department_code,
        case
            when strlen(nullif(trim(status, ' ' || chr(9) || chr(10) || chr(11) || chr(12) || chr(13)), '')) = length(nullif(trim(status, ' ' || chr(9) || chr(10) || chr(11) || chr(12) || chr(13)), '')) then lower(nullif(trim(status, ' ' || chr(9) || chr(10) || chr(11) || chr(12) || chr(13)), ''))
            when not regexp_matches(nullif(trim(status, ' ' || chr(9) || chr(10) || chr(11) || chr(12) || chr(13)), ''), '[A-Z]') then nullif(trim(status, ' ' || chr(9) || chr(10) || chr(11) || chr(12) || chr(13)), '')
            else translate(nullif(trim(status, ' ' || chr(9) || chr(10) || chr(11) || chr(12) || chr(13)), ''), 'ABCDEFGHIJKLMNOPQRSTUVWXYZ', 'abcdefghijklmnopqrstuvwxyz')
        end as clean_status,
        nullif(trim(hired_on, ' ' || chr(9) || chr(10) || chr(11) || chr(12) || chr(13)), '') as hired_on_text
    from "inventory"."raw"."users"

),

read_values as (

    select
        *,
        cast(case
            when regexp_full_match(hired_on_text, '([0-9]{3}[1-9]|[0-9]{2}[1-9]0|[0-9][1-9]00|[1-9]000)-(0[13578]|1[02])-(0[1-9]|[12][0-9]|3[01])|([0-9]{3}[1-9]|[0-9]{2}[1-9]0|[0-9][1-9]00|[1-9]000)-(0[469]|11)-(0[1-9]|[12][0-9]|30)|([0-9]{3}[1-9]|[0-9]{2}[1-9]0|[0-9][1-9]00|[1-9]000)-02-(0[1-9]|1[0-9]|2[0-8])|([0-9]{2}(0[48]|[2468][048]|[13579][26])|(0[48]|[2468][048]|[13579][26])00)-02-29') then hired_on_text
            when regexp_full_match(hired_on_text, '(0[1-9]|[12][0-9]|3[01])/(0[13578]|1[02])/([0-9]{3}[1-9]|[0-9]{2}[1-9]0|[0-9][1-9]00|[1-9]000)|(0[1-9]|[12][0-9]|30)/(0[469]|11)/([0-9]{3}[1-9]|[0-9]{2}[1-9]0|[0-9][1-9]00|[1-9]000)|(0[1-9]|1[0-9]|2[0-8])/02/([0-9]{3}[1-9]|[0-9]{2}[1-9]0|[0-9][1-9]00|[1-9]000)|29/02/([0-9]{2}(0[48]|[2468][048]|[13579][26])|(0[48]|[2468][048]|[13579][26])00)')
                then substr(hired_on_text, 7, 4) || '-' || substr(hired_on_text, 4, 2) || '-' || substr(hired_on_text, 1, 2)
        end as date) as clean_hired_on,
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
        when not regexp_full_match(clean_email, '[^@]+@[^@]+') then 'email_invalid'
        when hired_on_text is not null and clean_hired_on is null then 'hired_on_invalid'
    end as reason
from read_values