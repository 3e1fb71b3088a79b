select
    workspace_id,
    exposed_on,
    product,
    programme,
    {{ tally('count(*)') }} as exposed_count,
    {{ count_if("arm = 'treated'") }} as treated_count,
    {{ count_if("arm = 'holdout'") }} as held_out_count,
    {{ count_if("arm = 'not_selected'") }} as not_selected_count,
    {{ tally('sum(message_count)') }} as message_count,
    {{ money('sum(cost_amount)') }} as cost_amount,
    {{ rounded('sum(predicted_value)') }} as predicted_value,
    {{ count_if("arm = 'treated' and is_window_closed") }} as closed_count,
    {{ count_if("arm = 'treated' and is_converted") }} as converted_count,
    {{ money("coalesce(sum(case when arm = 'treated' then spend_amount end), 0)") }} as spend_amount
from {{ ref('int_exposures__measured') }}
group by workspace_id, exposed_on, product, programme
