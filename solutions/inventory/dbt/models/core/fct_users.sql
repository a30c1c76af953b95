select
    user_id,
    email,
    {{ dbt.split_part('email', "'@'", 2) }} as email_domain,
    full_name,
    {{ map_department('department_code') }} as department,
    status,
    status = 'active' as is_active,
    hired_on,
    updated_at
from {{ ref('users_resolved') }}
where user_id = surviving_user_id
