with numbered as (

    select
        *,
        row_number() over (partition by user_id order by updated_at desc) as newest
    from "inventory"."analytics"."stg_users"

),

latest as (

    select
        user_id,
        email,
        full_name,
        department_code,
        status,
        hired_on,
        updated_at
    from numbered
    where newest = 1

)

select
    *,
    case
        when email is null then user_id
        else first_value(user_id) over (partition by email order by updated_at desc, user_id desc)
    end as surviving_user_id
from latest