select distinct
    id as user_id,
    clean_email as email,
    clean_full_name as full_name,
    clean_department_code as department_code,
    case when clean_status in ('active', 'inactive') then clean_status else 'unknown' end as status,
    clean_hired_on as hired_on,
    version_at as updated_at
from "inventory"."analytics"."stg_users_checked"
where reason is null