select
    workspace_id,
    as_of as night_on,
    sequence,
    customer_id,
    entered_on,
    sequence_version,
    status,
    step_number,
    due_on,
    pending_decision_id,
    waiting_nights,
    sent_count,
    is_ghost,
    exit_reason,
    ended_on
from {{ source('sequencing', 'sequence_state') }}
