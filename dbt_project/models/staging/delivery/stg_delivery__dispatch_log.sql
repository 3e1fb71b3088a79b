select
    workspace_id,
    as_of as night_on,
    send_id,
    customer_id,
    channel,
    destination,
    status,
    reason,
    batch,
    attempt_count
from {{ source('delivery', 'dispatch_log') }}
