select
    user_id,
    email,
    
    string_split(email, '@')[ 2 ]
 as email_domain,
    full_name,
    case department_code
        when 'eng' then 'Engineering'
        when 'fin' then 'Finance'
        when 'hr' then 'People'
        when 'mkt' then 'Marketing'
        when 'ops' then 'Operations'
        when 'sal' then 'Sales'
        when 'leg' then 'Legal'
        when 'its' then 'IT'
        else 'Unknown'
    end as department,
    status,
    status = 'active' as is_active,
    hired_on,
    updated_at
from "inventory"."analytics"."users_resolved"
where user_id = surviving_user_id