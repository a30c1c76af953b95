-- Applications whose owner is no row of fct_users, or whose has_owner says otherwise.
select
    applications.application_id,
    applications.owner_user_id
from {{ ref('fct_applications') }} as applications
left join {{ ref('fct_users') }} as owners on applications.owner_user_id = owners.user_id
where
    (applications.owner_user_id is not null and owners.user_id is null)
    or applications.has_owner <> (applications.owner_user_id is not null)
