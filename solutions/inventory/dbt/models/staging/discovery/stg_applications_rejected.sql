select
    reason,
    id,
    name,
    category,
    criticality,
    monthly_cost,
    owner_id,
    launched_on,
    updated_at
from {{ ref('stg_applications_checked') }}
where reason is not null
