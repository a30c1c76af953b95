{{ config(materialized="table") }}

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
        {{ trimmed('name') }} as clean_name,
        {{ normalised('category') }} as clean_category,
        {{ normalised('criticality') }} as clean_criticality,
        {{ trimmed('monthly_cost') }} as monthly_cost_text,
        {{ trimmed('launched_on') }} as launched_on_text
    from {{ source('raw', 'applications') }}

),

read_values as (

    select
        *,
        {{ read_cost('monthly_cost_text') }} as clean_monthly_cost,
        {{ read_date('launched_on_text') }} as clean_launched_on,
        {{ read_instant('updated_at') }} as version_at
    from delivered

)

select
    *,
    case
        when id is null then 'id_missing'
        when version_at is null then 'updated_at_invalid'
        when monthly_cost_text is not null and clean_monthly_cost is null then 'monthly_cost_not_a_number'
        when {{ is_below_zero('monthly_cost_text') }} then 'monthly_cost_negative'
        when launched_on_text is not null and clean_launched_on is null then 'launched_on_invalid'
    end as reason
from read_values
