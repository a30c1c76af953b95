-- Versions with two contents: the source broke its promise, and which of them is newer cannot be told.
select
    'users' as stream,
    user_id as id,
    updated_at
from {{ ref('stg_users') }}
group by user_id, updated_at
having count(*) > 1

union all

select
    'applications' as stream,
    application_id as id,
    updated_at
from {{ ref('stg_applications') }}
group by application_id, updated_at
having count(*) > 1
