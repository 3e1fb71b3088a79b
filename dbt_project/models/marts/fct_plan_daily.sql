select
    workspace_id,
    night_on,
    product,
    programme,
    channel,
    {{ tally('count(*)') }} as message_count,
    {{ count_if('is_handed_over') }} as handed_over_count,
    {{ tally('count(distinct customer_id)') }} as person_count,
    {{ money('sum(cost_amount)') }} as cost_amount,
    {{ rounded('sum(predicted_value)') }} as predicted_value
from {{ ref('int_messages__dispatched') }}
group by workspace_id, night_on, product, programme, channel
