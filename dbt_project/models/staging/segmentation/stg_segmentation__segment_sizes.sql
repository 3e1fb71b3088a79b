select
    workspace_id,
    as_of as night_on,
    segment,
    member_count,
    entered_count,
    left_count
from {{ source('segmentation', 'segment_sizes') }}
