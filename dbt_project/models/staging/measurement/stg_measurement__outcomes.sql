select
    workspace_id,
    as_of as night_on,
    exposed_on,
    product,
    programme,
    customer_id,
    arm,
    window_days,
    order_count,
    spend_amount,
    is_converted
from {{ source('measurement', 'outcomes') }}
