-- Ids that were delivered, have no rejected row, and yet are not among the resolved users or the applications.
select
    'users' as stream,
    delivered.id
from {{ source('raw', 'users') }} as delivered
left join {{ ref('users_resolved') }} as resolved on delivered.id = resolved.user_id
left join {{ ref('stg_users_rejected') }} as rejected on delivered.id = rejected.id
where delivered.id is not null and resolved.user_id is null and rejected.id is null

union all

select
    'applications' as stream,
    delivered.id
from {{ source('raw', 'applications') }} as delivered
left join {{ ref('fct_applications') }} as resolved on delivered.id = resolved.application_id
left join {{ ref('stg_applications_rejected') }} as rejected on delivered.id = rejected.id
where delivered.id is not null and resolved.application_id is null and rejected.id is null
