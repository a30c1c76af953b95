select
    department_code,
    count(*) as users
from {{ ref('users_resolved') }}
where
    user_id = surviving_user_id
    and {{ map_department('department_code') }} = 'Unknown'
group by department_code
