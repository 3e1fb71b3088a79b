select
    workspace_id,
    as_of as night_on,
    exposed_on,
    product,
    programme,
    customer_id,
    arm,
    decision_id,
    message_count,
    cost_amount,
    predicted_value
from {{ source('measurement', 'exposures') }}
