select
    workspace_id,
    exposed_on,
    product,
    programme,
    customer_id,
    arm,
    decision_id,
    message_count,
    cost_amount,
    predicted_value,
    is_window_closed,
    window_days,
    order_count,
    spend_amount,
    is_converted
from {{ ref('int_exposures__measured') }}
