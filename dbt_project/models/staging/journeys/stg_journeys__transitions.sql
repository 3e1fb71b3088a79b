select
    workspace_id,
    as_of as night_on,
    transition_id,
    enrolment_id,
    journey,
    customer_id,
    step_number,
    from_node_id,
    to_node_id,
    occurred_at,
    reason,
    detail
from {{ source('journeys', 'transitions') }}
