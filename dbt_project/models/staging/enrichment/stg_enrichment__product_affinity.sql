select
    workspace_id,
    as_of as night_on,
    customer_id,
    category,
    affinity_score,
    affinity_rank,
    purchase_count,
    last_bought_on
from {{ source('enrichment', 'product_affinity') }}
