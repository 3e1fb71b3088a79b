select
    workspace_id,
    product,
    programme,
    min(night_on) as first_night_on,
    max(night_on) as last_night_on,
    {{ tally('max(programme_version)') }} as newest_version,
    {{ tally('count(*)') }} as decision_count,
    {{ count_if("outcome = 'planned'") }} as planned_count
from {{ ref('stg_planning__decisions') }}
group by workspace_id, product, programme
