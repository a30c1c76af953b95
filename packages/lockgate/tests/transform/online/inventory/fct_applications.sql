with numbered as (

    select
        *,
        row_number() over (partition by application_id order by updated_at desc) as newest
    from "inventory"."analytics"."stg_applications"

)

select
    applications.application_id,
    applications.name,
    applications.category,
    applications.criticality,
    applications.monthly_cost,
    cast(applications.monthly_cost * 12 as numeric(14, 2)) as annual_cost,
    owners.user_id as owner_user_id,
    owners.full_name as owner_name,
    owners.department as owner_department,
    owners.user_id is not null as has_owner,
    applications.launched_on,
    applications.updated_at
from numbered as applications
left join "inventory"."analytics"."users_resolved" as named on applications.owner_id = named.user_id
left join "inventory"."analytics"."fct_users" as owners on named.surviving_user_id = owners.user_id
where applications.newest = 1