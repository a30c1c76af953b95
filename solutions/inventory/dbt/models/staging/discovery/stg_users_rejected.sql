select
    reason,
    id,
    email,
    full_name,
    department_code,
    status,
    hired_on,
    created_at,
    updated_at
from {{ ref('stg_users_checked') }}
where reason is not null
