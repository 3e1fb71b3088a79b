"""What is known and expected about a person."""

import dataframely as dy

from pipelines.contracts.codes import AnswerProblem, LabelReason, Propensity
from pipelines.contracts.columns import (
    amount,
    code,
    count,
    customer_id,
    estimate,
    identifier,
    rate,
    workspace_id,
)


class CustomerFeatures(dy.Schema):
    """What a person did up to the night; where nothing is known there is null, not zero."""

    workspace_id = workspace_id()
    customer_id = customer_id()
    order_count = count("Orders so far.")
    order_count_28d = count("Orders of the last 28 days.")
    order_count_84d = count("Orders of the last 84 days.")
    spend_amount = amount("Net spend so far.")
    spend_28d_amount = amount("Net spend of the last 28 days.")
    spend_84d_amount = amount("Net spend of the last 84 days.")
    mean_order_amount = amount("Mean net amount of an order.", nullable=True)
    first_order_on = dy.Date(nullable=True, description="Local day of the first order.")
    last_order_on = dy.Date(nullable=True, description="Local day of the last order.")
    recency_days = count("Local days since the last order.", nullable=True)
    tenure_days = count("Local days since the first order.", nullable=True)
    mean_gap_days = estimate("Mean local days between days with an order.", nullable=True, minimum=0.0)
    discount_rate = rate("Discount as a share of gross spend.", nullable=True)
    category_count = count("Distinct categories bought.")
    redemption_count = count("Coupons redeemed so far.")
    rfm_recency_score = dy.Int64(
        nullable=True, min=1, max=5, description="Recency quintile; 5 is most recent."
    )
    rfm_frequency_score = dy.Int64(
        nullable=True, min=1, max=5, description="Frequency quintile; 5 is most often."
    )
    rfm_monetary_score = dy.Int64(nullable=True, min=1, max=5, description="Spend quintile; 5 is most.")


class CustomerValue(dy.Schema):
    """What a person spent and is expected to spend."""

    workspace_id = workspace_id()
    customer_id = customer_id()
    spend_to_date_amount = amount("Net spend so far.")
    expected_spend_28d = estimate("Expected net spend in the next 28 days.", minimum=0.0)
    expected_spend_90d = estimate("Expected net spend in the next 90 days.", minimum=0.0)
    expected_spend_365d = estimate("Expected net spend in the next 365 days.", minimum=0.0)
    typical_spend_28d = estimate(
        "Median of net spend in the next 28 days; null without a model of it.", nullable=True, minimum=0.0
    )
    expected_orders_28d = estimate("Expected orders in the next 28 days.", minimum=0.0)
    expected_orders_90d = estimate("Expected orders in the next 90 days.", minimum=0.0)
    expected_orders_365d = estimate("Expected orders in the next 365 days.", minimum=0.0)
    active_28d_probability = rate("Probability of at least one order in the next 28 days.")
    next_purchase_days = count(
        "Median of the local days until the next order; null when one is no likelier than not.",
        nullable=True,
    )
    alive_probability = rate(
        "Probability of not having left for good; null where the purchases hold no sign of leaving.",
        nullable=True,
    )
    value_rank_rate = rate("Share of people whose expected spend is not higher.")
    method = dy.String(min_length=1, description="Model that made the estimate.")
    model_version = dy.String(min_length=1, description="Version of that model.")


class ProductAffinity(dy.Schema):
    """How strongly a person leans to a category, by decayed spend."""

    workspace_id = workspace_id()
    customer_id = customer_id()
    category = dy.String(primary_key=True, min_length=1, description="Product category.")
    affinity_score = rate("Share of the person's decayed spend.")
    affinity_rank = dy.Int64(min=1, description="1 is the strongest.")
    purchase_count = count("Orders with the category so far.")
    last_bought_on = dy.Date(description="Local day of the last purchase.")


class SendTime(dy.Schema):
    """The local hour and weekday at which a person is most active."""

    workspace_id = workspace_id()
    customer_id = customer_id()
    time_zone = dy.String(
        min_length=1, description="Zone of the person, or the workspace's when unknown or invalid."
    )
    local_hour = dy.Int64(min=0, max=23, description="Best local hour.")
    confidence = rate("How sure the hour is: weight of own behaviour, times how far the hour stands out.")
    local_weekday = dy.Int64(
        nullable=True,
        min=1,
        max=7,
        description="Best local weekday, 1 is Monday; null before anybody did anything.",
    )
    weekday_confidence = rate("The same for the weekday, in which people differ little.")
    evidence_count = count("Own orders and events behind it.")
    method = dy.String(min_length=1, description="How it was found.")
    model_version = dy.String(min_length=1, description="Version of the method.")


class Trait(dy.Schema):
    """A named statement about a person, with its provenance."""

    workspace_id = workspace_id()
    customer_id = customer_id()
    trait = dy.String(primary_key=True, min_length=1, description="Name of the statement.")
    value = dy.String(nullable=True, description="Its value; null below the quality gate.")
    confidence = rate("How sure it is.")
    method = dy.String(min_length=1, description="How it was found.")
    source = dy.String(min_length=1, description="Table that it comes from.")
    evidence = dy.String(nullable=True, description="What it rests on.")
    model_version = dy.String(min_length=1, description="Version of the method.")


class ModelCard(dy.Schema):
    """One measured or fitted number of a model, or its verdict."""

    workspace_id = workspace_id()
    model = dy.String(primary_key=True, min_length=1, description="Model.")
    metric = dy.String(primary_key=True, min_length=1, description="Metric or parameter.")
    model_version = dy.String(min_length=1, description="Version of the model.")
    value = estimate("Number.", nullable=True)
    baseline_value = estimate("The same of the simple baseline.", nullable=True)
    is_used = dy.Bool(description="Whether the model passed its gate and is used.")
    training_row_count = count("Rows behind it.")
    note = dy.String(nullable=True, description="Verdict in words.")


class PersonPropensity(dy.Schema):
    """The chance that a person does something in the next 28 local days, or answers a campaign."""

    workspace_id = workspace_id()
    customer_id = customer_id()
    propensity = code(Propensity, "What the chance is of.", primary_key=True)
    probability = rate("Calibrated chance.")
    baseline_probability = rate("The same by the simple baseline.")
    method = dy.String(min_length=1, description="Model that made the estimate.")
    model_version = dy.String(min_length=1, description="Version of that model.")


class TrainedModel(dy.Schema):
    """A fitted model with all that scoring needs, and what it was fitted on."""

    workspace_id = workspace_id()
    model = dy.String(primary_key=True, min_length=1, description="Model.")
    model_version = dy.String(min_length=1, description="Version of the model.")
    method = dy.String(min_length=1, description="Kind of the model that is used.")
    trained_on = dy.Date(description="Night that it was trained for.")
    window_start_on = dy.Date(nullable=True, description="First local day that it has seen.")
    window_end_on = dy.Date(nullable=True, description="Last local day that it has seen.")
    row_count = count("Rows that it was fitted on.")
    is_used = dy.Bool(description="Whether it passed its gate; otherwise the baseline is used.")
    features = dy.String(description="Names of its features as a JSON array.")
    metrics = dy.String(description="Measured numbers with those of the baseline, as JSON.")
    payload = dy.String(description="The fitted model as JSON.")
    note = dy.String(description="Verdict in words.")


class TextEmbedding(dy.Schema):
    """What a text means, as numbers; made once per text and model, and kept from night to night."""

    workspace_id = workspace_id()
    text_id = identifier(
        "Digest of the text as it is compared; the text itself is not kept.", primary_key=True
    )
    model_version = dy.String(min_length=1, description="Table of word vectors, with its version.")
    vector = dy.List(
        dy.Float32(allow_inf=False, allow_nan=False),
        min_length=1,
        description="Direction of the text.",
    )


class TopicAnswer(dy.Schema):
    """What a language model said about one product text; asked once per model, prompt, topics and text."""

    workspace_id = workspace_id()
    answer_id = identifier("Digest of model, version of the prompt, topics and text.", primary_key=True)
    text_id = identifier("Digest of the product's texts.")
    model = dy.String(min_length=1, description="Model that answered.")
    prompt_version = dy.String(min_length=1, description="Version of the question.")
    interest = dy.String(nullable=True, min_length=1, description="The answer; null for none of the topics.")
    question_token_count = count("Tokens of the question.")
    answer_token_count = count("Tokens of the answer.")
    answered_on = dy.Date(description="Night on which it was asked.")


class ProductInterest(dy.Schema):
    """The interest that a product stands for, by its texts."""

    workspace_id = workspace_id()
    product_id = dy.String(primary_key=True, min_length=1, description="Product.")
    interest = dy.String(nullable=True, min_length=1, description="Interest; null when it stands for none.")
    similarity_score = rate("How like the interest its texts are; null if not compared.", nullable=True)
    reason = code(LabelReason, "Why it has this interest, or none.")
    problem = code(
        AnswerProblem, "Why there is no answer of a language model; null unless asked.", nullable=True
    )
    method = dy.String(nullable=True, min_length=1, description="How it was found; null if not looked at.")
    model_version = dy.String(nullable=True, min_length=1, description="Version of the method.")


class PersonInterest(dy.Schema):
    """What a person is interested in, by the texts of what they buy, the recent past first."""

    workspace_id = workspace_id()
    customer_id = customer_id()
    interest = dy.String(primary_key=True, min_length=1, description="Name of the interest.")
    interest_score = rate("Share of the person's decayed spend, weighed by how like the interest it is.")
    interest_rank = dy.Int64(min=1, description="1 is the strongest.")
    confidence = rate("How like the interest the products are, and on how many days they were bought.")
    purchase_day_count = count("Local days with a purchase that counts.")
    evidence = dy.String(description="Ids of the products that it rests on most, as a JSON array.")
    method = dy.String(min_length=1, description="How the products' interests were found.")
    source = dy.String(min_length=1, description="Table that the products' interests are in.")
    model_version = dy.String(min_length=1, description="Version of the method.")
