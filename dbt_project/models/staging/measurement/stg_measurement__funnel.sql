select
    workspace_id,
    as_of as night_on,
    stage,
    measure,
    value as line_value
from {{ source('measurement', 'funnel') }}
