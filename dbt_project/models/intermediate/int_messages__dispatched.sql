select
    plan.workspace_id,
    plan.night_on,
    plan.send_id,
    plan.customer_id,
    plan.product,
    plan.programme,
    plan.channel,
    plan.cost_amount,
    plan.predicted_value,
    dispatch_log.status,
    coalesce(dispatch_log.status in ('SENT', 'ACKED'), false) as is_handed_over
from {{ ref('stg_planning__plan') }} as plan
left join {{ ref('stg_delivery__dispatch_log') }} as dispatch_log
    on
        plan.workspace_id = dispatch_log.workspace_id
        and plan.night_on = dispatch_log.night_on
        and plan.send_id = dispatch_log.send_id
