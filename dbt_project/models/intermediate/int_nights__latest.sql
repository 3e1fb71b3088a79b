select
    workspace_id,
    max(night_on) as night_on
from {{ ref('stg_enrichment__customer_features') }}
group by workspace_id
