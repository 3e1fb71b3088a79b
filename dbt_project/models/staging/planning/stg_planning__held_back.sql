select
    workspace_id,
    as_of as night_on,
    product,
    programme,
    outcome,
    rule,
    decision_count
from {{ source('planning', 'held_back') }}
