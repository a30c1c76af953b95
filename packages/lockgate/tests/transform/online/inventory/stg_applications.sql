select distinct
    id as application_id,
    clean_name as name,
    clean_category as category,
    case when clean_criticality in ('low', 'medium', 'high') then clean_criticality else 'unknown' end as criticality,
    clean_monthly_cost as monthly_cost,
    owner_id,
    clean_launched_on as launched_on,
    version_at as updated_at
from "inventory"."analytics"."stg_applications_checked"
where reason is null