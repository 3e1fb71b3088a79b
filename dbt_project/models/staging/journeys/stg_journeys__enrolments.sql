select
    workspace_id,
    as_of as night_on,
    enrolment_id,
    journey,
    journey_version,
    customer_id,
    entry_key,
    status,
    node_id,
    visit_number,
    entered_at,
    node_entered_at,
    due_at,
    pending_decision_id,
    waiting_nights,
    is_ghost,
    exit_reason
from {{ source('journeys', 'enrolments') }}
