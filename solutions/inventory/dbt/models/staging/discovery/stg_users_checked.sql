{{ config(materialized="table") }}

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
        {{ normalised('email') }} as clean_email,
        {{ trimmed('full_name') }} as clean_full_name,
        {{ normalised('department_code') }} as clean_department_code,
        {{ normalised('status') }} as clean_status,
        {{ trimmed('hired_on') }} as hired_on_text
    from {{ source('raw', 'users') }}

),

read_values as (

    select
        *,
        {{ read_date('hired_on_text') }} as clean_hired_on,
        {{ read_instant('updated_at') }} as version_at
    from delivered

)

select
    *,
    case
        when id is null then 'id_missing'
        when version_at is null then 'updated_at_invalid'
        when not {{ fits('clean_email', '[^@]+@[^@]+') }} then 'email_invalid'
        when hired_on_text is not null and clean_hired_on is null then 'hired_on_invalid'
    end as reason
from read_values
