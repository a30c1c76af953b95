-- Persons who are in fct_users more than once.
select
    email,
    count(*) as users
from {{ ref('fct_users') }}
where email is not null
group by email
having count(*) > 1
