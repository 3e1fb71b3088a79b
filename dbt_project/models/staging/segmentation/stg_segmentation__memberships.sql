select
    workspace_id,
    as_of as night_on,
    customer_id,
    segment,
    entered_on,
    left_on
from {{ source('segmentation', 'memberships') }}
